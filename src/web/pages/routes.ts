import type { App } from '../context.ts'

/** Every page. What is registered here runs after `authenticate` and, for posts, after the form token was checked. */
export function addPages(app: App): void {
  app.get('/', (c) => c.redirect('/sign-in', 303))
}
