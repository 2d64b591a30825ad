// For the staff: the queue refreshes itself, and keys lead through it. Pages work without this file.

const REFRESH_MILLISECONDS = 15_000
const inQueue = (selector) => document.querySelectorAll(`[data-queue] ${selector}`)

// Whoever ticks rows or stands in the list is left alone: nothing moves under their hands.
function inUse(queue) {
  return queue.contains(document.activeElement) || queue.querySelector('input:checked') !== null
}
setInterval(() => {
  const queue = document.querySelector('[data-queue]')
  if (queue && !document.hidden && !inUse(queue)) queue.dispatchEvent(new CustomEvent('refresh'))
}, REFRESH_MILLISECONDS)
document.addEventListener('htmx:before:swap', (event) => {
  const queue = event.target.closest('[data-queue]')
  if (queue && inUse(queue)) event.preventDefault()
})

// What a refresh changed is told to those who can't see it.
const rows = () => new Set(Array.from(inQueue('[data-row]'), (row) => row.dataset.row))
const news = document.querySelector('[data-queue-news]')
if (news) {
  let before = rows()
  const differing = (some, others) => Array.from(some).filter((ref) => !others.has(ref)).length
  const requests = (number) => `${number} request${number === 1 ? '' : 's'}`
  new MutationObserver(() => {
    const now = rows()
    const [came, left] = [differing(now, before), differing(before, now)]
    before = now
    const words = [came > 0 && `${requests(came)} came in.`, left > 0 && `${requests(left)} left this list.`]
    if (came + left > 0) news.textContent = words.filter(Boolean).join(' ')
  }).observe(news.parentElement, { childList: true })
}

const tickAll = () => {
  for (const box of inQueue('[data-tick-all]')) {
    box.hidden = false
    box.addEventListener('change', () => {
      for (const tick of inQueue('input[name="rotation"]')) tick.checked = box.checked
    })
  }
}
tickAll()

// Single keys, unless somebody switched them off: never while text is typed, a choice is open or another key is held.
const shortcuts = document.getElementById('shortcuts')
const FIELDS = 'input:not([type="checkbox"]), textarea, select, [contenteditable]'
const currentRow = () => document.activeElement?.closest('[data-row]') ?? null

function step(by) {
  const list = Array.from(inQueue('[data-row]'))
  const at = list.indexOf(currentRow())
  const row = list[at === -1 ? (by > 0 ? 0 : list.length - 1) : at + by]
  row?.querySelector('th a')?.focus()
}
const KEYS = {
  j: () => step(1),
  k: () => step(-1),
  x: () => currentRow()?.querySelector('input[name="rotation"]')?.click(),
  '?': () => shortcuts.showModal(),
}
function press(key) {
  const target = document.querySelector(`main [aria-keyshortcuts="${CSS.escape(key)}"]`)
  if (target?.matches('input')) target.focus()
  else target?.click()
  return target !== null
}
if (shortcuts) {
  for (const link of document.querySelectorAll('[data-shows-shortcuts]')) {
    link.hidden = false
    link.addEventListener('click', () => shortcuts.showModal())
  }
  document.addEventListener('keydown', (event) => {
    const { key, target } = event
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.repeat || event.defaultPrevented)
      return
    if (shortcuts.open || target.closest?.(FIELDS)) return
    if (key in KEYS) KEYS[key]()
    else if (key.length !== 1 || key === ' ' || !press(key)) return
    event.preventDefault()
  })
}
