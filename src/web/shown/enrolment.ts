import encodeQr from 'qr'

/** As an image of its own, so that no markup made elsewhere goes into the page. */
function qrImage(text: string): string {
  const svg = encodeQr(text, 'svg', { border: 2 })
  return `data:image/svg+xml;base64,${Buffer.from(svg).toString('base64')}`
}

/** A code device to set up as a page shows it: to scan, and to type where that can't be done. */
export function shownEnrolment({ codeSeed, uri }: { codeSeed: string; uri: string }) {
  return { qr: qrImage(uri), seedText: codeSeed.replaceAll(/(.{4})(?=.)/g, '$1 ') }
}
