// The picture: regions on a canvas, points as shapes above it. Nothing here knows what a gesture is.

const COLOURS = ["#0b7fab", "#7a5195", "#2f8f5b"]
const GLYPHS = ["●", "■", "▲"]
const RADIUS = 6.5
const FAINT = 0.05 // influence, as a share of the largest, below which no ring is drawn

function svg(name, attributes, parent) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name)
  for (const [attribute, value] of Object.entries(attributes)) made.setAttribute(attribute, value)
  parent?.append(made)
  return made
}

function node(name, className, text) {
  const made = document.createElement(name)
  if (className) made.className = className
  if (text !== undefined) made.textContent = text
  return made
}

const toX = (view, x) => ((x / view.data.field + 1) / 2) * view.side
const toY = (view, y) => ((1 - y / view.data.field) / 2) * view.side
const fromX = (view, px) => ((px / view.side) * 2 - 1) * view.data.field
const fromY = (view, py) => (1 - (py / view.side) * 2) * view.data.field

/** A mark of its class: circle, square or triangle. */
function shape(k, parent, className) {
  const r = RADIUS
  if (k === 1) return svg("rect", { x: -r * 0.9, y: -r * 0.9, width: r * 1.8, height: r * 1.8, class: className }, parent)
  if (k === 2) return svg("path", { d: `M0 ${-r * 1.2}L${r * 1.15} ${r * 0.85}H${-r * 1.15}Z`, class: className }, parent)
  return svg("circle", { r, class: className }, parent)
}

function drawPoint(view, point) {
  const { id, x, y, k, score, flagged } = point
  const group = svg("g", { transform: `translate(${toX(view, x)} ${toY(view, y)})`, class: "point" }, view.marks)
  group.dataset.id = id
  svg("circle", { r: 13, class: "reach" }, group)
  if (Math.abs(score) > FAINT) {
    const r = RADIUS + 2.5 + 9 * Math.sqrt(Math.abs(score))
    svg("circle", { r, class: score > 0 ? "halo supports" : "halo opposes" }, group)
  }
  shape(k, group, flagged ? "mark flagged" : "mark").style.fill = COLOURS[k]
  if (id >= view.data.placed) svg("circle", { r: 2, class: "placed" }, group)
  if (flagged) svg("path", { d: "M5 -3v-13h9l-2.5 3 2.5 3h-9", class: "pennant" }, group)
  if (id === view.active) svg("circle", { r: 13, class: view.grabbed ? "active grabbed" : "active" }, group)
}

function drawTest(view) {
  const [x, y] = view.test
  const group = svg("g", { transform: `translate(${toX(view, x)} ${toY(view, y)})`, class: "point test" }, view.marks)
  group.dataset.id = TEST
  svg("circle", { r: 14, class: "reach" }, group)
  svg("path", { d: "M-8 -8L8 8M8 -8L-8 8", class: "cross under" }, group)
  svg("path", { d: "M-8 -8L8 8M8 -8L-8 8", class: "cross" }, group)
  if (view.active === TEST) svg("circle", { r: 15, class: view.grabbed ? "active grabbed" : "active" }, group)
}

function drawMarks(view) {
  view.marks.replaceChildren()
  for (const [x, y] of view.data.copies) {
    const at = `translate(${toX(view, x)} ${toY(view, y)})`
    svg("path", { d: "M-3.5 -3.5L3.5 3.5M3.5 -3.5L-3.5 3.5", class: "copy", transform: at }, view.marks)
  }
  const order = [...view.points].sort((a, b) => (a.id === view.active) - (b.id === view.active))
  for (const point of order) drawPoint(view, point)
  drawTest(view)
}

/** Regions in the classes' colours, and the borders between them; `dashed` for those of an earlier classifier. */
function drawGround(view) {
  const { canvas, side, data } = view
  const ratio = window.devicePixelRatio || 1
  canvas.width = canvas.height = Math.round(side * ratio)
  const pen = canvas.getContext("2d")
  pen.scale(ratio, ratio)
  pen.drawImage(tinted(data.regions), 0, 0, side, side)
  pen.strokeStyle = getComputedStyle(view.root).color
  pen.lineWidth = 1.5
  if (data.before) borders(pen, data.before, side, true)
  borders(pen, data.regions, side, false)
}

/** One pixel for each cell, faint in the colour of its class; stretching it smooths the edges. */
function tinted(regions) {
  const n = Math.round(Math.sqrt(regions.length))
  const small = document.createElement("canvas")
  small.width = small.height = n
  const pen = small.getContext("2d")
  for (let i = 0; i < n * n; i++) {
    pen.fillStyle = `${COLOURS[Number(regions[i])]}2a`
    pen.fillRect(i % n, n - 1 - Math.floor(i / n), 1, 1)
  }
  return small
}

function borders(pen, regions, side, dashed) {
  const n = Math.round(Math.sqrt(regions.length))
  const cell = side / n
  const at = (column, row) => regions[row * n + column]
  pen.beginPath()
  for (let row = 0; row + 1 < n; row++) {
    for (let column = 0; column + 1 < n; column++) {
      const [x, y] = [(column + 0.5) * cell, side - (row + 0.5) * cell]
      const crossed = []
      if (at(column, row) !== at(column + 1, row)) crossed.push([x + cell / 2, y])
      if (at(column + 1, row) !== at(column + 1, row + 1)) crossed.push([x + cell, y - cell / 2])
      if (at(column, row + 1) !== at(column + 1, row + 1)) crossed.push([x + cell / 2, y - cell])
      if (at(column, row) !== at(column, row + 1)) crossed.push([x, y - cell / 2])
      for (let i = 0; i + 1 < crossed.length; i += 2) {
        if (dashed && (row + column) % 4 > 1) continue // a dash pattern would restart in every cell
        pen.moveTo(...crossed[i])
        pen.lineTo(...crossed[i + 1])
      }
    }
  }
  pen.stroke()
}

function legend(view) {
  const parts = view.data.classes.map((name, k) => `${GLYPHS[k]} labelled ${name}`)
  parts.push("✕ test point", "solid ring: supports its answer", "dashed ring: argues against it", "⚑ flagged")
  view.legend.replaceChildren(...parts.map((part) => node("span", "", part)))
}
