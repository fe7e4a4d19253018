// The picture: bars, axes, plateau and the moving line. `layout` runs when the data or width change, `paint` when
// the threshold does; a paint moves one clip, one handle and a few labels and never rebuilds the bars.

const MARGIN = { top: 34, right: 10, bottom: 34, left: 38 }

/** The component's elements, built once for each place it is mounted in. */
function buildElements() {
  const count = html("p", { class: "count", "aria-live": "polite", "aria-atomic": "true" })
  const input = html("input", { id: "typed", type: "text", autocomplete: "off", spellcheck: "false" })
  const label = html("label", { for: "typed" })
  const go = html("button", { type: "button", class: "go" }, "Go to plateau")
  const picture = svg("svg", { "aria-hidden": "true" })
  const knob = html("span", { class: "knob" })
  const handle = html("div", { class: "handle", role: "slider", tabindex: "0" }, knob)
  handle.setAttribute("aria-describedby", "keys")
  const plot = html("div", { class: "plot" }, picture, handle)
  const note = html("span", { class: "note" })
  const keys = html("span", { class: "keys", id: "keys" })
  keys.append("←\u00a0→ one image · PgUp\u00a0PgDn 1 % · [\u00a0] fine · G\u00a0plateau · Shift-drag slow")
  const head = html("div", { class: "head" }, count, html("div", { class: "controls" }, go, label, input))
  const root = html("div", { class: "threshold" }, head, plot, html("div", { class: "foot" }, note, keys))
  return { root, count, label, input, go, picture, handle, plot, note, keys }
}

/** Bars as one path, standing on `base`; heights are logarithmic so that single images stay visible. */
function barPath(counts, axis, base, tall) {
  const width = (axis.right - axis.left) / counts.length
  const most = Math.log1p(Math.max(1, ...counts))
  const bar = (count, i) => {
    const height = Math.max(2, (Math.log1p(count) / most) * tall)
    return `M${axis.left + i * width + 0.5} ${base}v${-height}h${width - 1}v${height}z`
  }
  return counts.map((count, i) => (count ? bar(count, i) : "")).join("")
}

function drawCountAxis(picture, counts, axis, base, tall) {
  const most = Math.max(1, ...counts)
  const levels = [1, 10, 100, 1000, 10000, 100000].filter((level) => level <= most)
  const every = Math.ceil(levels.length / Math.max(1, Math.floor(tall / 26)))
  for (const level of levels.filter((_, i) => i % every === 0)) {
    const y = base - (Math.log1p(level) / Math.log1p(most)) * tall
    svg("line", { class: "grid", x1: axis.left, x2: axis.right, y1: y, y2: y }, picture)
    svg("text", { class: "tick", x: axis.left - 6, y: y + 4, "text-anchor": "end" }, picture).textContent =
      level < 1000 ? level : `${level / 1000}k`
  }
}

/** `sign` is −1 where the statistics are the negatives of what is shown. */
function drawValueAxis(picture, axis, base, sign) {
  svg("line", { class: "base", x1: axis.left, x2: axis.right, y1: base, y2: base }, picture)
  for (const value of tickValues(axis, 37)) {
    const x = axis.toX(value)
    svg("line", { class: "base", x1: x, x2: x, y1: base, y2: base + 4 }, picture)
    svg("text", { class: "tick", x, y: base + 28, "text-anchor": "middle" }, picture).textContent = showTick(sign * value || 0)
  }
}

/** `mark` is where another label stands, which this one must not cover. */
function drawPlateau(picture, plateau, axis, base, mark) {
  const [low, high] = plateau.map(axis.toX)
  const width = Math.max(2, high - low)
  svg("rect", { class: "plateau", x: low, y: MARGIN.top - 14, width, height: base - MARGIN.top + 14 }, picture)
  for (const x of [low, low + width]) {
    svg("line", { class: "plateau-edge", x1: x, x2: x, y1: MARGIN.top - 14, y2: base }, picture)
  }
  let middle = Math.min(axis.right - 26, Math.max(axis.left + 26, low + width / 2))
  if (mark && Math.abs(axis.toX(mark.value) - middle) < 66) {
    const aside = axis.toX(mark.value) + (middle < axis.toX(mark.value) ? -66 : 66)
    middle = aside > axis.right - 26 ? aside - 132 : aside < axis.left + 26 ? aside + 132 : aside
  }
  svg("text", { class: "plateau-label", x: middle, y: 12, "text-anchor": "middle" }, picture).textContent = "plateau"
}

function drawMark(picture, mark, axis, base) {
  const x = axis.toX(mark.value)
  svg("line", { class: "mark", x1: x, x2: x, y1: MARGIN.top - 14, y2: base }, picture)
  const middle = Math.min(axis.right - 34, Math.max(axis.left + 34, x))
  svg("text", { class: "plateau-label", x: middle, y: 12, "text-anchor": "middle" }, picture).textContent = mark.name
}

/** Both kinds of bars lie on top of each other; the flagged layer is clipped at the threshold. */
function drawBars(picture, path, axis, height) {
  const definitions = svg("defs", {}, picture)
  const hatch = { id: "hatch", width: 5, height: 5, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" }
  const pattern = svg("pattern", hatch, definitions)
  svg("rect", { class: "hatch-ground", width: 5, height: 5 }, pattern)
  svg("rect", { class: "hatch-line", width: 1.4, height: 5 }, pattern)
  const clip = (id) => svg("rect", { y: 0, height }, svg("clipPath", { id }, definitions))
  const clips = { flagged: clip("clip-flagged"), kept: clip("clip-kept") }
  svg("path", { class: "bars kept", d: path, "clip-path": "url(#clip-kept)" }, picture)
  svg("path", { class: "bars flagged", d: path, "clip-path": "url(#clip-flagged)" }, picture)
  return clips
}

const signOf = (view) => (view.settings.mirrored ? -1 : 1)

/** Redraw everything that does not depend on the threshold. */
function layout(view) {
  const { picture, plot } = view.elements
  const width = plot.clientWidth
  const height = view.settings.height
  plot.style.height = `${height}px`
  picture.replaceChildren()
  view.axis = null
  if (!width || !view.sorted?.length) return
  picture.setAttribute("viewBox", `0 0 ${width} ${height}`)
  const axis = makeAxis(view.sorted, MARGIN.left, width - MARGIN.right)
  const base = height - MARGIN.bottom
  const tall = base - MARGIN.top
  const counts = histogram(view.sorted, axis, Math.max(24, Math.min(200, Math.floor(width / 5))))
  drawCountAxis(picture, counts, axis, base, tall)
  if (view.settings.plateau) drawPlateau(picture, view.settings.plateau, axis, base, view.settings.mark)
  view.clips = drawBars(picture, barPath(counts, axis, base, tall), axis, height)
  if (view.settings.mark) drawMark(picture, view.settings.mark, axis, base)
  drawValueAxis(picture, axis, base, signOf(view))
  view.sides = ["end", "start"].map((anchor) => svg("text", { class: "side", y: 28, "text-anchor": anchor }, picture))
  view.sides[0].textContent = "◂ flagged"
  view.sides[1].textContent = "not flagged ▸"
  view.axis = axis
}

/** Move the line and everything that tells its position. */
function paint(view) {
  const { sorted, value, elements, settings } = view
  const seen = signOf(view) * value || 0
  const count = countBelow(sorted, value)
  const told = `${showCount(count)} of ${showCount(settings.total)} flagged`
  elements.count.replaceChildren(html("strong", {}, told), ` at ${showValue(seen)} (exact)`)
  elements.note.textContent = noteText(sorted, value, count, signOf(view))
  if (!view.typing) elements.input.value = String(shortest(seen))
  elements.handle.setAttribute("aria-valuenow", seen)
  elements.handle.setAttribute("aria-valuetext", `${showValue(seen)}, ${told}`)
  if (!view.axis) return
  const x = view.axis.toX(value)
  elements.handle.style.transform = `translateX(${x}px)`
  view.clips.flagged.setAttribute("width", x)
  view.clips.kept.setAttribute("x", x)
  view.clips.kept.setAttribute("width", Math.max(0, view.axis.right - x))
  view.sides[0].setAttribute("x", x - 10)
  view.sides[1].setAttribute("x", x + 10)
  view.sides[0].style.visibility = x - view.axis.left > 66 ? "" : "hidden"
  view.sides[1].style.visibility = view.axis.right - x > 86 ? "" : "hidden"
}

function noteText(sorted, value, count, sign) {
  if (!sorted.length) return ""
  const last = sorted.length - 1
  const show = (x) => showValue(sign * x || 0)
  const [below, lowest, highest] = sign < 0 ? ["above", "highest", "lowest"] : ["below", "lowest", "highest"]
  if (count === 0) return `Nothing is ${below} ${show(value)}. The ${lowest} image is at ${show(sorted[0])}.`
  if (count > last) return `Every image is ${below} ${show(value)}. The ${highest} is at ${show(sorted[last])}.`
  return `Last flagged image at ${show(sorted[count - 1])}, next at ${show(sorted[count])}`
}
