// Puts the proof of work into the form: it is done in a worker while people type, and what solves it goes along.
const place = document.querySelector('[data-challenge]')
if (place && isSecureContext && globalThis.$altcha) {
  const { challenge, worker } = place.dataset
  $altcha.algorithms.set('PBKDF2/SHA-256', () => new Worker(worker))
  const widget = document.createElement('altcha-widget')
  widget.setAttribute('challenge', challenge)
  widget.setAttribute('auto', 'onload')
  widget.setAttribute('name', 'altcha')
  widget.setAttribute(
    'configuration',
    JSON.stringify({ hideFooter: true, hideLogo: true, humanInteractionSignature: false }),
  )
  place.append(widget)
}
