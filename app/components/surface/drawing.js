// The picture: cells, axes, scale, outline of the plateau, the cross and the cursor. `layout` runs when the data, the
// layer or the width change; `paint` moves the cross and the cursor and writes the readout.

const MARGIN = { top: 8, right: 8, bottom: 44, left: 44 }
const RAMP = ["#00224e", "#123570", "#3b496c", "#575d6d", "#707173", "#8a8678", "#a59c74", "#c3b369", "#e1cc55", "#fee838"]
const COUNTS = { name: "Images flagged", values: null, meaning: "How many images each setting flags, on a logarithmic scale." }

/** The component's elements, built once for each place it is mounted in. */
function buildElements() {
  const picker = html("div", { class: "layers", role: "radiogroup", "aria-label": "What the colours show" })
  const go = html("button", { type: "button", class: "go" }, "Show plateau")
  const readout = html("p", { class: "readout", "aria-live": "polite", "aria-atomic": "true" })
  const picture = svg("svg", { "aria-hidden": "true" })
  const plot = html("div", { class: "plot", role: "slider", tabindex: "0", "aria-label": "Threshold and tolerance" }, picture)
  plot.setAttribute("aria-describedby", "keys")
  const meaning = html("p", { class: "meaning" })
  const keys = html("p", { class: "keys", id: "keys" })
  keys.append("Click, or arrow keys and Enter, to choose · G shows the plateau · Esc back to the cross")
  const head = html("div", { class: "head" }, picker, go)
  const root = html("div", { class: "surface" }, head, readout, plot, meaning, keys)
  return { root, picker, go, readout, picture, plot, meaning, keys }
}

/** Colour of a share in [0, 1]. */
function colour(share) {
  const place = Math.min(1, Math.max(0, share)) * (RAMP.length - 1)
  const below = Math.min(RAMP.length - 2, Math.floor(place))
  const parts = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16))
  const [from, to] = [parts(RAMP[below]), parts(RAMP[below + 1])]
  return `rgb(${from.map((part, i) => Math.round(part + (place - below) * (to[i] - part))).join(",")})`
}

/** What a cell is worth on the scale from 0 to 1, or null. */
function shareOf(view, row, column) {
  const { data, layer } = view
  if (layer.values) return layer.values[row][column]
  return Math.log1p(data.counts[row][column]) / Math.log1p(data.total)
}

/** Marks of the scale: where along it, and what is written there. */
function scaleMarks(view) {
  if (view.layer.values) return [0, 0.25, 0.5, 0.75, 1].map((share) => [share, `${100 * share} %`])
  const counts = [0, 1, 10, 100, 1000, 10000, 100000].filter((count) => count <= view.data.total)
  return counts.map((count) => [Math.log1p(count) / Math.log1p(view.data.total), showCount(count)])
}

/** Where a threshold lies, also between two columns. */
function toX(view, value) {
  const { thresholds } = view.data
  const last = thresholds.length - 1
  let i = 0
  while (i < last - 1 && thresholds[i + 1] < value) i += 1
  const along = (value - thresholds[i]) / (thresholds[i + 1] - thresholds[i])
  return view.left + (Math.min(last, Math.max(0, i + along)) + 0.5) * view.cell.width
}

/** The middle of a row; tolerance 0 is at the bottom. */
const toY = (view, row) => view.base - (row + 0.5) * view.cell.height

function layout(view) {
  const { picture, plot, meaning } = view.elements
  const rows = view.data.counts.length
  const columns = view.data.thresholds.length
  const width = plot.clientWidth
  if (!width) return
  const height = MARGIN.top + Math.max(6, Math.min(12, rows)) * 24 + MARGIN.bottom + 40
  view.left = MARGIN.left
  view.right = width - MARGIN.right
  view.base = height - MARGIN.bottom - 40
  view.cell = { width: (view.right - view.left) / columns, height: (view.base - MARGIN.top) / rows }
  plot.style.height = `${height}px`
  picture.setAttribute("viewBox", `0 0 ${width} ${height}`)
  picture.replaceChildren()
  meaning.textContent = view.layer.meaning
  drawCells(view, picture)
  drawOutline(view, picture)
  drawAxes(view, picture)
  drawScale(view, picture, height - 22)
  view.cursorBox = ["halo", "cursor"].map((name) => svg("rect", { class: name, fill: "none" }, picture))
  view.cross = ["halo", "cross"].map((name) => svg("path", { class: name, fill: "none" }, picture))
}

function drawCells(view, picture) {
  const { width, height } = view.cell
  const heat = svg("g", { "shape-rendering": "crispEdges" }, picture)
  view.data.counts.forEach((line, row) => {
    line.forEach((_, column) => {
      const share = shareOf(view, row, column)
      const place = { x: view.left + column * width, y: view.base - (row + 1) * height, width: width + 0.5, height: height + 0.5 }
      svg("rect", share === null ? { ...place, class: "none" } : { ...place, fill: colour(share) }, heat)
    })
  })
}

/** A line around the cells of the plateau. */
function drawOutline(view, picture) {
  const inside = (row, column) => Boolean(view.data.plateau?.[row]?.[column])
  const { width, height } = view.cell
  let path = ""
  view.data.plateau?.forEach((line, row) =>
    line.forEach((is, column) => {
      if (!is) return
      const [x, y] = [view.left + column * width, view.base - (row + 1) * height]
      if (!inside(row, column - 1)) path += `M${x} ${y}v${height}`
      if (!inside(row, column + 1)) path += `M${x + width} ${y}v${height}`
      if (!inside(row + 1, column)) path += `M${x} ${y}h${width}`
      if (!inside(row - 1, column)) path += `M${x} ${y + height}h${width}`
    }),
  )
  for (const name of ["halo", "outline"]) svg("path", { class: name, d: path, fill: "none" }, picture)
}

function drawAxes(view, picture) {
  const text = (words, place) => (svg("text", place, picture).textContent = words)
  const { thresholds, counts } = view.data
  const smallest = Math.min(...thresholds.map(Math.abs).filter((value) => value > 0))
  const outside = (value) => value < thresholds[0] || value > thresholds[thresholds.length - 1]
  const place = (value) => (outside(value) ? view.left : toX(view, value)) // which is no place for a tick
  const axis = { scale: smallest, left: view.left, right: view.right, toX: place }
  for (const value of tickValues(axis, 40)) {
    const x = toX(view, value)
    svg("line", { class: "base", x1: x, x2: x, y1: view.base, y2: view.base + 4 }, picture)
    text(showTick(value), { x, y: view.base + 17, "text-anchor": "middle" })
  }
  counts.forEach((_, row) => text(String(row), { x: view.left - 6, y: toY(view, row) + 4, "text-anchor": "end" }))
  const middle = (MARGIN.top + view.base) / 2
  text("tolerance", { x: 0, y: 0, "text-anchor": "middle", transform: `translate(12 ${middle}) rotate(-90)` })
  text("threshold", { x: (view.left + view.right) / 2, y: view.base + 34, "text-anchor": "middle" })
}

function drawScale(view, picture, y) {
  const gradient = svg("linearGradient", { id: "ramp" }, svg("defs", {}, picture))
  RAMP.forEach((shade, i) => svg("stop", { offset: i / (RAMP.length - 1), "stop-color": shade }, gradient))
  const width = Math.min(320, view.right - view.left)
  svg("rect", { x: view.left, y, width, height: 8, fill: "url(#ramp)" }, picture)
  for (const [share, words] of scaleMarks(view)) {
    const anchor = share === 0 ? "start" : share === 1 ? "end" : "middle"
    svg("text", { x: view.left + share * width, y: y + 21, "text-anchor": anchor }, picture).textContent = words
  }
}

/** Move cross and cursor, and tell the cell under the cursor. */
function paint(view) {
  const { readout, plot, go } = view.elements
  if (!view.cell) return
  const { width, height } = view.cell
  const [row, column] = view.cursor
  const box = { x: view.left + column * width, y: view.base - (row + 1) * height, width, height }
  for (const node of view.cursorBox) for (const [name, value] of Object.entries(box)) node.setAttribute(name, value)
  const at = view.data.chosen
  const d = at ? `M${toX(view, at[0]) - 8} ${toY(view, at[1])}h16m-8 -8v16` : ""
  for (const node of view.cross) node.setAttribute("d", d)
  const told = cellText(view, row, column)
  readout.textContent = told
  const columns = view.data.thresholds.length
  plot.setAttribute("aria-valuemin", 0)
  plot.setAttribute("aria-valuemax", view.data.counts.length * columns - 1)
  plot.setAttribute("aria-valuenow", row * columns + column)
  plot.setAttribute("aria-valuetext", told)
  go.hidden = !view.data.plateau
}

function cellText(view, row, column) {
  const { data } = view
  const shares = data.layers
    .map((layer) => [layer.name, layer.values[row][column]])
    .map(([name, share]) => [name === name.toUpperCase() ? name : name.toLowerCase(), share])
    .map(([name, share]) => `${name} ${share === null ? "–" : `${(100 * share).toFixed(1)} %`}`)
  const parts = [
    `Threshold ${showValue(Number(data.thresholds[column].toPrecision(4)))}`,
    `tolerance ${row}`,
    `${showCount(data.counts[row][column])} of ${showCount(data.total)} flagged`,
    ...shares,
  ]
  if (data.plateau?.[row][column]) parts.push("on the plateau")
  return parts.join(" · ")
}
