// Picking by mouse and keyboard in a plain gallery: one image, or several.

function select(view, ids, wait = 0) {
  if (ids.length === view.selected.length && ids.every((id, i) => id === view.selected[i])) return
  view.selected = ids
  commit(view, wait)
}

const toggled = (ids, id) => (ids.includes(id) ? ids.filter((other) => other !== id) : [...ids, id])

/** Ids of all cards from one to another. */
function between(view, one, other) {
  return view.data.items.slice(Math.min(one, other), Math.max(one, other) + 1).map((item) => item.id)
}

function pick(view, index, extend) {
  const { items, multi } = view.data
  const id = items[index].id
  if (!multi) return select(view, [id])
  if (extend) return select(view, [...new Set([...view.selected, ...between(view, view.anchor ?? 0, index)])])
  view.anchor = index
  select(view, toggled(view.selected, id))
}

/** How many cards stand in the first row, as laid out now. */
function perRow(view) {
  const second = view.cards.findIndex((card) => card.offsetTop > view.cards[0].offsetTop)
  return second < 0 ? view.cards.length : second
}

function afterKey(view, key) {
  const last = view.cards.length - 1
  const row = perRow(view)
  const places = {
    ArrowRight: view.active + 1,
    ArrowLeft: view.active - 1,
    ArrowDown: view.active + row > last ? view.active : view.active + row,
    ArrowUp: view.active < row ? view.active : view.active - row,
    Home: 0,
    End: last,
  }
  return Object.hasOwn(places, key) ? Math.min(last, Math.max(0, places[key])) : null
}

/** Whether a key meant something to a plain gallery. */
function plainKey(view, event) {
  const all = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "a" && view.data.multi
  if (!all && (event.ctrlKey || event.metaKey || event.altKey)) return false
  const next = afterKey(view, event.key)
  if (all) select(view, view.data.items.map((item) => item.id))
  else if (next !== null) activate(view, next, true)
  else if (event.key === " " || event.key === "Enter") event.repeat || pick(view, view.active, event.shiftKey)
  else if (event.key === "Escape" && view.selected.length) select(view, [])
  else return false
  return true
}

function onKey(view, event) {
  if (!(view.data.bench ? benchKey : plainKey)(view, event)) return
  event.preventDefault()
  event.stopPropagation()
}

function onClick(view, event) {
  const index = view.cards.indexOf(event.target.closest(".card"))
  if (index < 0) return
  activate(view, index, true)
  if (view.data.bench) benchClick(view, index, event)
  else pick(view, index, event.shiftKey)
}
