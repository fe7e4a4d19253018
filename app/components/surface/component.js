// Looking around and choosing, and the conversation with Python.

/** Take over what Python sent; a choice older than the user's latest is ignored. */
function receive(view) {
  const { data } = view
  const look = JSON.stringify([data.thresholds, data.counts, data.layers, data.plateau])
  if (look !== view.look) {
    view.look = look
    const layers = [COUNTS, ...data.layers]
    view.layer = layers.find((layer) => layer.name === view.layer?.name) ?? COUNTS
    offerLayers(view, layers)
    layout(view)
  }
  if (JSON.stringify(data.chosen) !== view.seen) {
    view.seen = JSON.stringify(data.chosen)
    view.cursor = nearest(view)
  }
  const [row, column] = view.cursor
  view.cursor = [Math.min(row, data.counts.length - 1), Math.min(column, data.thresholds.length - 1)]
  paint(view)
}

/** The cell that the cross stands in, or that of threshold and tolerance zero. */
function nearest(view) {
  const { thresholds, counts, chosen } = view.data
  const [threshold, tolerance] = chosen ?? [0, 0]
  let best = 0
  thresholds.forEach((value, i) => {
    if (Math.abs(value - threshold) < Math.abs(thresholds[best] - threshold)) best = i
  })
  return [Math.min(counts.length - 1, tolerance), best]
}

function offerLayers(view, layers) {
  const options = layers.map((layer) => {
    const input = html("input", { type: "radio", name: "layer" })
    input.checked = layer.name === view.layer.name
    input.onchange = () => {
      view.layer = layer
      layout(view)
      paint(view)
    }
    return html("label", {}, input, html("span", {}, layer.name))
  })
  view.elements.picker.replaceChildren(...options)
  view.elements.picker.hidden = layers.length < 2
}

function choose(view) {
  const [row, column] = view.cursor
  const value = [view.data.thresholds[column], row]
  if (JSON.stringify(value) === JSON.stringify(view.data.chosen)) return
  view.data.chosen = value
  view.seen = JSON.stringify(value)
  paint(view)
  tell(view, value)
}

/** The cell of the plateau from which its other cells are nearest. */
function toPlateau(view) {
  const cells = []
  view.data.plateau?.forEach((line, row) => line.forEach((is, column) => is && cells.push([row, column])))
  const far = ([r, c]) => cells.reduce((sum, [row, column]) => sum + Math.abs(row - r) + Math.abs(column - c), 0)
  const distances = cells.map(far)
  if (cells.length) view.cursor = cells[distances.indexOf(Math.min(...distances))]
}

function afterKey(view, key) {
  const [row, column] = view.cursor
  const last = [view.data.counts.length - 1, view.data.thresholds.length - 1]
  const places = {
    ArrowRight: [row, column + 1],
    ArrowLeft: [row, column - 1],
    ArrowUp: [row + 1, column],
    ArrowDown: [row - 1, column],
    PageUp: [row, column + 10],
    PageDown: [row, column - 10],
    Home: [row, 0],
    End: [row, last[1]],
    Escape: nearest(view),
  }
  if (!Object.hasOwn(places, key)) return null
  return places[key].map((place, i) => Math.min(last[i], Math.max(0, place)))
}

function onKey(view, event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return
  const next = afterKey(view, event.key)
  if (next) view.cursor = next
  else if (event.key === "Enter" || event.key === " ") event.repeat || choose(view)
  else if (event.key.toLowerCase() === "g" && view.data.plateau) toPlateau(view)
  else return
  paint(view)
  event.preventDefault()
  event.stopPropagation()
}

/** The cell under the pointer, or null beside the map. */
function cellAt(view, event) {
  const box = view.elements.plot.getBoundingClientRect()
  const column = Math.floor((event.clientX - box.left - view.left) / view.cell.width)
  const row = Math.floor((view.base - (event.clientY - box.top)) / view.cell.height)
  const inside = row >= 0 && row < view.data.counts.length && column >= 0 && column < view.data.thresholds.length
  return inside ? [row, column] : null
}

function listen(view) {
  const { plot, go } = view.elements
  plot.onkeydown = (event) => onKey(view, event)
  plot.onpointermove = (event) => {
    const cell = view.cell && cellAt(view, event)
    if (!cell) return
    view.cursor = cell
    view.frame ??= requestAnimationFrame(() => {
      view.frame = null
      paint(view)
    })
  }
  plot.onpointerleave = () => {
    if (view.root.contains(view.parent.activeElement) || !view.cell) return
    view.cursor = nearest(view)
    paint(view)
  }
  plot.onclick = (event) => {
    const cell = view.cell && cellAt(view, event)
    if (!cell) return
    view.cursor = cell
    choose(view)
  }
  go.onclick = () => {
    toPlateau(view)
    paint(view)
    plot.focus({ preventScroll: true })
  }
}

function mount(parent) {
  const elements = buildElements()
  const view = { parent, elements, root: elements.root, cursor: [0, 0], said: null, look: null, seen: null, frame: null }
  listen(view)
  view.resized = new ResizeObserver(() => {
    if (view.look === null || elements.plot.clientWidth === view.width) return
    view.width = elements.plot.clientWidth
    layout(view)
    paint(view)
  })
  view.resized.observe(elements.plot)
  parent.append(elements.root)
  return view
}

export default function ({ data, parentElement, setStateValue }) {
  const view = standingIn(parentElement, mount)
  const chosen = view.data?.chosen
  view.data = { ...data }
  view.send = setStateValue
  if (!hears(view, data)) view.data.chosen = chosen
  receive(view)
  return whenGone(parentElement, () => view.resized.disconnect())
}
