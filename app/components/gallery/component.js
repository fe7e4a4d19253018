// The grid in the page: mounting, and the conversation with Python.

/** Take over what Python sent; a selection older than the user's latest gesture is ignored. */
function receive(view) {
  const { data } = view
  const look = JSON.stringify([data.items, data.size, data.columns, data.multi, data.label])
  view.pending = view.pending.filter((action) => action.serial > data.done)
  if (hears(view, data)) {
    Object.assign(view, { selected: data.selected, primary: data.primary, pinned: data.pinned })
  }
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
  view.root.classList.toggle("bench", data.bench !== null)
  view.cards = data.items.map((item) => buildCard(item, anyFlagged))
  grid.replaceChildren(...view.cards)
  grid.hidden = data.items.length === 0
  view.empty.hidden = !grid.hidden
  view.empty.textContent = grid.hidden ? "No images to show" : ""
  view.anchor = null
  const again = placeOf(view, view.activeId)
  const chosen = placeOf(view, data.bench ? view.primary : view.selected[0])
  activate(view, Math.max(0, again >= 0 ? again : chosen), hadFocus)
}

const placeOf = (view, id) => view.data.items.findIndex((item) => item.id === id)

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
  view.cards.forEach((card, i) => {
    const { id } = view.data.items[i]
    card.setAttribute("aria-selected", chosen.has(id))
    if (!view.data.bench) return
    const is = { "in the inspector": id === view.primary, selected: chosen.has(id), pinned: id === view.pinned }
    card.classList.toggle("primary", id === view.primary)
    card.classList.toggle("pinned", id === view.pinned)
    if (id === view.primary) card.setAttribute("aria-current", "true")
    else card.removeAttribute("aria-current")
    card.querySelector(".state").textContent = Object.keys(is).filter((words) => is[words]).join(", ")
  })
}

/** Tell Python what stands now, after `wait` milliseconds in which nothing else happened. */
function commit(view, wait = 0) {
  const { selected, primary, pinned, pending } = view
  announce(view, view.data.bench ? { primary, chosen: selected, pinned, actions: pending } : selected)
  showSelection(view)
  clearTimeout(view.timer)
  if (wait) view.timer = setTimeout(() => deliver(view), wait)
  else deliver(view)
}

function mount(parent) {
  const view = { parent, root: node("div", "gallery"), grid: node("div", "grid"), cards: [], selected: [] }
  Object.assign(view, { active: 0, activeId: null, anchor: null, said: null, look: null, timer: null })
  Object.assign(view, { primary: null, pinned: null, base: null, pending: [], serial: 0 })
  view.empty = node("p", "empty")
  view.note = node("p", "note")
  view.note.setAttribute("role", "status")
  view.grid.setAttribute("role", "listbox")
  view.grid.onkeydown = (event) => onKey(view, event)
  view.grid.onclick = (event) => onClick(view, event)
  view.grid.onmousedown = (event) => event.shiftKey && event.preventDefault() // no text selection
  view.root.append(view.grid, view.empty, view.note)
  parent.append(view.root)
  return view
}

export default function ({ data, parentElement, setStateValue }) {
  const view = standingIn(parentElement, mount)
  view.data = data
  view.send = setStateValue
  receive(view)
  return whenGone(parentElement, () => clearTimeout(view.timer))
}
