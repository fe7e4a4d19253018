// Building one card. Every piece of data becomes text or an attribute, never markup.

const FLAG = "M3 1v14M3 2h9l-2.5 3.5L12 9H3"
const STATES = {
  eye: "M1 8s2.5-4.5 7-4.5S15 8 15 8s-2.5 4.5-7 4.5S1 8 1 8zM8 6.2a1.8 1.8 0 1 0 .01 0z",
  check: "M3 8.5l3.5 3.5L13 4.5",
  pin: "M10 1.5l4.5 4.5-2.8.7-3 3-.4 3.1-5-5 3.1-.4 3-3zM5.6 10.4l-4 4",
}

function node(name, className, text) {
  const made = document.createElement(name)
  if (className) made.className = className
  if (text !== undefined) made.textContent = text
  return made
}

function icon(path, className) {
  const space = "http://www.w3.org/2000/svg"
  const picture = document.createElementNS(space, "svg")
  const line = document.createElementNS(space, "path")
  picture.setAttribute("viewBox", "0 0 16 16")
  picture.setAttribute("class", `icon ${className}`)
  picture.setAttribute("aria-hidden", "true")
  line.setAttribute("d", path)
  picture.append(line)
  return picture
}

function frame(item) {
  const box = node("span", "frame")
  const image = node("img")
  image.loading = "lazy"
  image.decoding = "async"
  image.alt = item.alt
  image.onerror = () => box.classList.add("missing")
  image.src = item.src
  const states = node("span", "states")
  states.append(...Object.entries(STATES).map(([name, path]) => icon(path, name)))
  box.append(image, states)
  if (item.badge) box.append(node("span", "badge", item.badge))
  return box
}

/** Cells from −1 (orange, underlined by a dash) over 0 (clear) to 1 (blue), as a picture of 4 × 12 pixels each. */
function stripPicture(values) {
  const canvas = node("canvas", "strip")
  canvas.width = values.length * 4
  canvas.height = 12
  canvas.setAttribute("aria-hidden", "true")
  const pen = canvas.getContext("2d")
  values.forEach((value, i) => {
    pen.globalAlpha = 0.12 + 0.88 * Math.abs(value)
    pen.fillStyle = value < 0 ? "#d55e00" : "#1f86c9"
    pen.fillRect(i * 4, 0, 4, 8)
    pen.globalAlpha = 1
    if (value < 0) pen.fillRect(i * 4, 10, 3, 2)
  })
  return canvas
}

function stripWords(values) {
  const below = values.filter((value) => value < 0).length
  return `${below} of ${values.length} cells below zero`
}

function mark(item) {
  const flag = node("span", "mark")
  if (item.flagged) flag.append(icon(FLAG, "pennant"), "Flagged")
  return flag
}

function buildCard(item, anyFlagged) {
  const card = node("div", item.flagged ? "card flagged" : "card")
  card.setAttribute("role", "option")
  card.tabIndex = -1
  const title = node("span", "title", item.title)
  title.title = item.title
  card.append(frame(item), title)
  for (const line of item.lines) card.append(node("span", "line", line))
  if (anyFlagged) card.append(mark(item))
  if (item.strip?.length) card.append(stripPicture(item.strip), node("span", "unseen", stripWords(item.strip)))
  card.append(node("span", "unseen state"))
  return card
}
