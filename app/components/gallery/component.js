// Picking by mouse and keyboard, and the conversation with Python.

const instances = new WeakMap() // parentElement -> grid mounted there

/** Take over what Python sent; a selection older than the user's latest pick is ignored. */
function receive(view) {
  const { data } = view
  const look = JSON.stringify([data.items, data.size, data.columns, data.multi, data.label])
  if (view.token === null || view.token === data.token) view.selected = data.selected
  if (look !== view.look) {
    view.look = look
    rebuild(view)
  }
  showSelection(view)
}

function rebuild(view) {
  const { grid, data } = view
  const hadFocus = view.root.contains(view.parent.activeElement)
  const anyFlagged = data.items.some((item) => item.flagged)
  grid.setAttribute("aria-label", data.label)
  grid.setAttribute("aria-multiselectable", data.multi)
  grid.style.setProperty("--size", `${data.size}px`)
  grid.style.setProperty("--columns", data.columns ?? 999)
  view.root.classList.toggle("bounded", data.columns !== null)
  view.cards = data.items.map((item) => buildCard(item, anyFlagged))
  grid.replaceChildren(...view.cards)
  grid.hidden = data.items.length === 0
  view.empty.hidden = !grid.hidden
  view.empty.textContent = grid.hidden ? "No images to show" : ""
  const again = data.items.findIndex((item) => item.id === view.activeId)
  const chosen = data.items.findIndex((item) => item.id === view.selected[0])
  activate(view, Math.max(0, again >= 0 ? again : chosen), hadFocus)
}

/** Only the active card can be reached by Tab; arrows make another one active. */
function activate(view, index, focus) {
  const card = view.cards[index]
  if (!card) return
  if (view.cards[view.active]) view.cards[view.active].tabIndex = -1
  card.tabIndex = 0
  view.active = index
  view.activeId = view.data.items[index].id
  if (focus) card.focus()
}

function showSelection(view) {
  const chosen = new Set(view.selected)
  view.cards.forEach((card, i) => card.setAttribute("aria-selected", chosen.has(view.data.items[i].id)))
}

function select(view, ids) {
  if (ids.length === view.selected.length && ids.every((id, i) => id === view.selected[i])) return
  view.selected = ids
  view.token = `${Date.now()}-${Math.random().toString(36).slice(2, 8)}`
  showSelection(view)
  view.send("commit", { value: ids, token: view.token })
}

function pick(view, index, extend) {
  const { items, multi } = view.data
  const id = items[index].id
  if (!multi) return select(view, [id])
  if (extend) {
    const [first, last] = [Math.min(view.anchor, index), Math.max(view.anchor, index)]
    return select(view, [...new Set([...view.selected, ...items.slice(first, last + 1).map((item) => item.id)])])
  }
  view.anchor = index
  select(view, view.selected.includes(id) ? view.selected.filter((other) => other !== id) : [...view.selected, id])
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

function onKey(view, event) {
  const all = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "a" && view.data.multi
  if (!all && (event.ctrlKey || event.metaKey || event.altKey)) return
  const next = afterKey(view, event.key)
  if (all) select(view, view.data.items.map((item) => item.id))
  else if (next !== null) activate(view, next, true)
  else if (event.key === " " || event.key === "Enter") event.repeat || pick(view, view.active, event.shiftKey)
  else if (event.key === "Escape" && view.selected.length) select(view, [])
  else return
  event.preventDefault()
  event.stopPropagation()
}

function onClick(view, event) {
  const index = view.cards.indexOf(event.target.closest(".card"))
  if (index < 0) return
  activate(view, index, true)
  pick(view, index, event.shiftKey)
}

function mount(parent) {
  const view = { parent, root: node("div", "gallery"), grid: node("div", "grid"), cards: [], selected: [] }
  Object.assign(view, { active: 0, activeId: null, anchor: 0, token: null, look: null })
  view.empty = node("p", "empty")
  view.grid.setAttribute("role", "listbox")
  view.grid.onkeydown = (event) => onKey(view, event)
  view.grid.onclick = (event) => onClick(view, event)
  view.grid.onmousedown = (event) => event.shiftKey && event.preventDefault() // no text selection
  view.root.append(view.grid, view.empty)
  parent.append(view.root)
  instances.set(parent, view)
  return view
}

export default function ({ data, parentElement, setStateValue }) {
  const view = instances.get(parentElement) ?? mount(parentElement)
  view.data = data
  view.send = setStateValue
  receive(view)
  return () => {
    view.root.remove()
    instances.delete(parentElement)
  }
}
