// The workbench: one image in the inspector, a set, a pinned one, and keys that act on the card in focus.

const QUIET = 150 // milliseconds in which a set may still grow by the keyboard

function setPrimary(view, index) {
  const { id } = view.data.items[index]
  Object.assign(view, { anchor: index, base: null })
  if (id === view.primary) return
  view.primary = id
  commit(view)
}

/** The set, cut where it is larger than what an address holds. */
function choose(view, ids, wait) {
  const { most } = view.data.bench
  view.note.textContent = ids.length > most ? `At most ${most} images can be selected.` : ""
  select(view, ids.slice(0, most), wait)
}

/** From where the user began to this card, added to what was selected before. */
function extendTo(view, index, wait) {
  if (view.anchor === null) {
    const start = placeOf(view, view.primary)
    view.anchor = start < 0 ? view.active : start
  }
  view.base ??= view.selected
  choose(view, [...new Set([...view.base, ...between(view, view.anchor, index)])], wait)
}

function toggle(view, index) {
  Object.assign(view, { anchor: index, base: null })
  choose(view, toggled(view.selected, view.data.items[index].id))
}

function clear(view) {
  Object.assign(view, { anchor: null, base: null })
  choose(view, [])
}

function pinPrimary(view) {
  const id = view.primary ?? view.activeId
  view.pinned = id === view.pinned ? null : id
  commit(view)
}

/** Ask Python for something about an image; kept until Python says that it was done, so that fast keys lose nothing. */
function act(view, name, id) {
  view.serial = Math.max(view.serial + 1, Date.now())
  view.pending = [...view.pending, { serial: view.serial, name, id }]
  commit(view)
}

/** The next image into the inspector; beyond this page Python has to turn it. */
function step(view, by) {
  const from = placeOf(view, view.primary)
  const to = from < 0 ? view.active : from + by
  if (!view.cards[to]) return act(view, by > 0 ? "next" : "previous", view.primary ?? view.activeId)
  activate(view, to, true)
  setPrimary(view, to)
}

function benchClick(view, index, event) {
  if (event.shiftKey) extendTo(view, index)
  else if (event.ctrlKey || event.metaKey) toggle(view, index)
  else setPrimary(view, index)
}

function move(view, next, extend) {
  if (extend) {
    view.anchor ??= view.active
    extendTo(view, next, QUIET)
  } else view.base = null
  activate(view, next, true)
}

const LETTERS = { n: pinPrimary, j: (view) => step(view, 1), k: (view) => step(view, -1) }

/** Whether a key meant something. */
function benchKey(view, event) {
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key
  const control = event.ctrlKey || event.metaKey
  const next = afterKey(view, key)
  if (event.altKey || (control && key !== "a" && key !== " ")) return false
  if (control) {
    if (key === " ") toggle(view, view.active)
    else choose(view, [...new Set([...view.selected, ...view.data.items.map((item) => item.id)])])
  } else if (next !== null) move(view, next, event.shiftKey)
  else if (key === " " || key === "Enter") {
    if (event.repeat) return true
    event.shiftKey ? extendTo(view, view.active) : setPrimary(view, view.active)
  } else if (key === "Escape" && view.selected.length) clear(view)
  else if (Object.hasOwn(view.data.bench.keys, key)) event.repeat || act(view, view.data.bench.keys[key], view.activeId)
  else if (Object.hasOwn(LETTERS, key)) LETTERS[key](view)
  else return false
  return true
}
