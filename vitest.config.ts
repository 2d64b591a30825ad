import { defineConfig } from 'vitest/config'

const shared = { hookTimeout: 60_000 }

export default defineConfig({
  test: {
    // Left alone it would spare one core, which of two is half.
    maxWorkers: '100%',
    // One cluster for the whole run, whichever projects are in it.
    globalSetup: ['test/support/global-setup.ts'],
    projects: [
      {
        test: {
          ...shared,
          name: 'rekey',
          include: ['test/**/*.test.ts'],
          exclude: ['test/faults/**', 'test/browser/**', 'test/bench/**', 'test/tools/**'],
          testTimeout: 20_000,
        },
      },
      {
        test: {
          ...shared,
          name: 'browser',
          include: ['test/browser/**/*.test.ts'],
          globalSetup: ['test/support/chromium.ts'],
          testTimeout: 120_000,
        },
      },
      {
        // On demand: these need programs that npm doesn't bring.
        test: {
          ...shared,
          name: 'tools',
          include: ['test/tools/**/*.test.ts'],
          testTimeout: 60_000,
        },
      },
      {
        // On demand: these load the machine so much that they must not run beside one another.
        test: {
          ...shared,
          name: 'faults',
          include: ['test/faults/**/*.test.ts'],
          testTimeout: 600_000,
          fileParallelism: false,
        },
      },
    ],
  },
})
