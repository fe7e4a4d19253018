// Gestures and the conversation with Python. The component is mounted twice: once with bytes, which only stores the
// sorted statistics under their content's name, and once with settings, which draws them and commits thresholds.

const buffers = new Map() // name -> { sorted, holders }
const views = new Set()
const KEY_PAUSE = 150

function storeBytes(parentElement, bytes) {
  const name = new TextDecoder().decode(bytes.subarray(0, 32))
  const held = standingIn(parentElement, () => ({ name: null }))
  if (held.name !== name) {
    dropBytes(held)
    if (!buffers.has(name)) buffers.set(name, { sorted: new Float32Array(bytes.slice(32).buffer), holders: 0 })
    buffers.get(name).holders += 1
    held.name = name
  }
  for (const view of views) receive(view)
  return whenGone(parentElement, dropBytes)
}

function dropBytes({ name }) {
  const buffer = buffers.get(name)
  if (buffer && --buffer.holders === 0) buffers.delete(name)
}

/** Take over what Python sent, unless the user is in the middle of a gesture or ahead of Python. */
function receive(view) {
  const { settings } = view
  const buffer = buffers.get(settings.statistics)
  if (!buffer) return
  if (hears(view, settings) && !busy(view)) view.value = view.agreed = settings.value
  const look = JSON.stringify([settings.statistics, settings.plateau, settings.mark, settings.mirrored, settings.height, settings.locked])
  if (look !== view.look) {
    view.sorted = buffer.sorted
    view.look = look
    view.elements.go.hidden = !settings.plateau || settings.locked
    view.elements.input.disabled = settings.locked
    dress(view)
    layout(view)
  }
  paint(view)
}

const busy = (view) => view.drag !== null || view.timer !== null || view.typing

/** Range and availability, which change with the data only. */
function dress(view) {
  const { handle, root, plot, label } = view.elements
  const empty = view.sorted.length === 0
  const ends = [view.sorted[0], view.sorted[view.sorted.length - 1]].map((end) => signOf(view) * end || 0)
  label.textContent = view.settings.name
  handle.setAttribute("aria-label", view.settings.name)
  root.classList.toggle("empty", empty)
  root.classList.toggle("locked", view.settings.locked)
  handle.setAttribute("aria-disabled", empty || view.settings.locked)
  handle.setAttribute("aria-valuemin", empty ? 0 : Math.min(...ends))
  handle.setAttribute("aria-valuemax", empty ? 0 : Math.max(...ends))
  plot.dataset.empty = empty ? "No images in this selection" : ""
}

function move(view, value) {
  if (value === view.value || !Number.isFinite(value)) return
  view.value = value
  view.frame ??= requestAnimationFrame(() => {
    view.frame = null
    paint(view)
  })
}

/** End of a gesture: one message to Python when the threshold changed, none otherwise. */
function commit(view) {
  clearTimeout(view.timer)
  view.timer = null
  if (view.value === view.agreed) return receive(view)
  view.agreed = view.value
  tell(view, view.value)
}

function goToPlateau(view) {
  if (!view.settings.plateau || !view.axis) return
  const [low, high] = view.settings.plateau
  const middle = valueAt(view.axis, (view.axis.toX(low) + view.axis.toX(high)) / 2)
  move(view, middle >= low && middle <= high ? middle : Math.fround((low + high) / 2))
}

/** Where a key leads from here, or null when the key means nothing to the line. */
function afterKey(view, key) {
  const { sorted, value, axis } = view
  const along = (share) => valueAt(axis, axis.toX(value) + share * (axis.right - axis.left))
  const fine = (share) => Math.fround(axis.toValue(axis.toX(value) + share * (axis.right - axis.left)))
  const places = {
    ArrowRight: () => oneMore(sorted, value),
    ArrowUp: () => oneMore(sorted, value),
    ArrowLeft: () => oneLess(sorted, value),
    ArrowDown: () => oneLess(sorted, value),
    PageUp: () => along(0.01),
    PageDown: () => along(-0.01),
    "]": () => fine(0.0005),
    "[": () => fine(-0.0005),
    Home: () => sorted[0],
    End: () => justAbove(sorted[sorted.length - 1]),
  }
  return Object.hasOwn(places, key) ? places[key]() : null
}

function listenToKeys(view) {
  const { root, handle, input } = view.elements
  root.onkeydown = (event) => {
    if (event.target === input || event.ctrlKey || event.metaKey || event.altKey || !view.axis) return
    if (view.settings.locked) return
    if (event.key.toLowerCase() === "g" && view.settings.plateau) goToPlateau(view)
    else if (event.key === "Escape" && view.drag) cancelDrag(view)
    else {
      const value = event.target === handle ? afterKey(view, event.key) : null
      if (value === null) return
      move(view, value)
    }
    clearTimeout(view.timer)
    view.timer = view.drag ? null : setTimeout(() => commit(view), 2000) // in case the key-up is never seen
    event.preventDefault()
    event.stopPropagation()
  }
  root.onkeyup = () => {
    if (view.timer === null) return
    clearTimeout(view.timer)
    view.timer = setTimeout(() => commit(view), KEY_PAUSE)
  }
  handle.onblur = () => view.timer !== null && commit(view)
}

function cancelDrag(view) {
  move(view, view.drag.from)
  view.drag = null
}

function listenToPointer(view) {
  const { plot, handle } = view.elements
  const where = (event) => event.clientX - plot.getBoundingClientRect().left
  plot.onpointerdown = (event) => {
    if (event.button !== 0 || !view.axis || view.settings.locked) return
    const x = view.axis.toX(view.value)
    const grabbed = Math.abs(where(event) - x) <= 14
    view.drag = { x: grabbed ? x : where(event), last: where(event), from: view.value }
    plot.setPointerCapture(event.pointerId)
    handle.focus({ preventScroll: true })
    if (!grabbed) move(view, valueAt(view.axis, view.drag.x))
    event.preventDefault()
  }
  plot.onpointermove = (event) => {
    if (!view.drag) return
    const moved = where(event) - view.drag.last
    view.drag.x += event.shiftKey ? moved / 10 : moved
    view.drag.last = where(event)
    move(view, valueAt(view.axis, view.drag.x))
  }
  plot.onpointerup = () => {
    if (!view.drag) return
    view.drag = null
    commit(view)
  }
  plot.onpointercancel = () => view.drag && cancelDrag(view)
}

function listenToInput(view) {
  const { input, go } = view.elements
  const finish = () => {
    view.typing = false
    input.removeAttribute("aria-invalid")
    commit(view)
    paint(view)
  }
  input.oninput = () => {
    view.typing = true
    const value = parseValue(input.value)
    input.toggleAttribute("aria-invalid", value === null)
    if (value === null) input.setAttribute("aria-invalid", "true")
    else move(view, signOf(view) * value || 0)
  }
  input.onkeydown = (event) => {
    event.stopPropagation()
    if (event.key === "Escape") view.value = view.agreed
    if (event.key === "Enter" || event.key === "Escape") finish()
  }
  input.onblur = () => view.typing && finish()
  go.onclick = () => {
    goToPlateau(view)
    commit(view)
  }
}

function mountView(parentElement) {
  const view = { elements: buildElements(), value: 0, agreed: 0, said: null, drag: null, timer: null }
  Object.assign(view, { typing: false, frame: null, sorted: new Float32Array(), look: null, axis: null })
  listenToKeys(view)
  listenToPointer(view)
  listenToInput(view)
  view.resized = new ResizeObserver(() => {
    if (view.look === null || view.elements.plot.clientWidth === view.width) return
    view.width = view.elements.plot.clientWidth
    layout(view)
    paint(view)
  })
  view.resized.observe(view.elements.plot)
  parentElement.append(view.elements.root)
  views.add(view)
  return view
}

function unmountView(view) {
  clearTimeout(view.timer)
  view.resized.disconnect()
  views.delete(view)
}

export default function ({ data, parentElement, setStateValue }) {
  if (data instanceof Uint8Array) return storeBytes(parentElement, data)
  const view = standingIn(parentElement, mountView)
  view.settings = data
  view.send = setStateValue
  receive(view)
  return whenGone(parentElement, unmountView)
}
