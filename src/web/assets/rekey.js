// Pages work without this file: it only adds the copy and print buttons and a guard on double sending.
for (const button of document.querySelectorAll('[data-copy]')) {
  const source = document.getElementById(button.dataset.copy)
  const status = button.parentElement.querySelector('[data-copy-status]')
  if (!source || !navigator.clipboard) continue
  button.hidden = false
  button.addEventListener('click', async () => {
    try {
      await navigator.clipboard.writeText(source.textContent)
      status.textContent = 'Copied. Paste it into your secret manager.'
    } catch {
      getSelection().selectAllChildren(source)
      status.textContent = 'Selected. Copy it with your keyboard.'
    }
  })
}

for (const button of document.querySelectorAll('[data-print]')) {
  button.hidden = false
  button.addEventListener('click', () => print())
}

// A second press within the same page sends nothing. A page that comes back by the back button starts anew.
const sent = new WeakSet()
document.addEventListener('submit', (event) => {
  if (sent.has(event.target)) event.preventDefault()
  else {
    sent.add(event.target)
    // What never arrived may be sent again.
    setTimeout(() => sent.delete(event.target), 5_000)
  }
})
addEventListener('pageshow', (event) => {
  if (event.persisted) location.reload()
})
