// The component's elements, built once for each place it is mounted in. Foreign text becomes text, never markup.

const VERDICTS = {
  poison: { key: "P", name: "Poison", icon: "M3 1v14M3 2h9l-2.5 3.5L12 9H3" },
  keep: { key: "E", name: "Keep", icon: "M2.5 8.5l4 4L13.5 4" },
  unsure: { key: "U", name: "Unsure", icon: "M5.4 5.6a2.7 2.7 0 1 1 4 2.4c-1 .6-1.4 1-1.4 2M8 12.9v.3" },
}
const BEFORE = 2
const STRIP = 12
const COMPARED = 6

function html(name, attributes = {}, ...children) {
  const node = document.createElement(name)
  for (const [attribute, value] of Object.entries(attributes)) node.setAttribute(attribute, value)
  node.append(...children)
  return node
}

function icon(path) {
  const space = "http://www.w3.org/2000/svg"
  const picture = document.createElementNS(space, "svg")
  const line = document.createElementNS(space, "path")
  picture.setAttribute("viewBox", "0 0 16 16")
  picture.setAttribute("aria-hidden", "true")
  line.setAttribute("d", path)
  picture.append(line)
  return picture
}

const button = (attributes, ...children) => html("button", { type: "button", ...attributes }, ...children)
const key = (name) => html("kbd", { "aria-hidden": "true" }, name)

function verdictButton(verdict) {
  const { key: letter, name, icon: path } = VERDICTS[verdict]
  return button({ class: `verdict ${verdict}`, "aria-pressed": "false" }, icon(path), name, key(letter))
}

function buildElements() {
  const e = {}
  e.bar = html("progress", { max: "1", "aria-label": "judged" })
  e.count = html("span", { class: "count" })
  e.saved = html("span", { class: "saved" })
  e.finished = html("p", { class: "finished", hidden: "" })
  e.image = html("img", { class: "large" })
  e.stamp = html("span", { class: "stamp" })
  e.stage = html("div", { class: "stage", tabindex: "0", role: "group" }, e.image, e.stamp)
  e.title = html("p", { class: "title" })
  e.number = html("p", { class: "line" })
  e.lines = html("ul", { class: "lines" })
  e.collapse = html("canvas", { class: "collapse", height: "14", role: "img" })
  e.others = html("p", { class: "others" })
  e.verdicts = Object.fromEntries(Object.keys(VERDICTS).map((verdict) => [verdict, verdictButton(verdict)]))
  e.clear = button({ class: "small" }, "Leave to the rule", key("A"))
  e.undo = button({ class: "small" }, "Undo", key("Z"))
  e.redo = button({ class: "small" }, "Redo", key("Y"))
  e.previous = button({ class: "small" }, "Previous", key("←"))
  e.next = button({ class: "small" }, "Next", key("→"))
  e.note = html("input", { type: "text", id: "note", maxlength: "300", autocomplete: "off" })
  e.note.placeholder = "optional, kept with the verdict"
  e.presets = html("span", { class: "presets" })
  e.compare = html("div", { class: "images" })
  e.compared = html("p", { class: "caption" })
  e.shuffle = button({ class: "small" }, "Other six")
  e.film = html("div", { class: "images film", role: "group", "aria-label": "the next images" })
  e.live = html("p", { class: "unseen", "aria-live": "polite", "aria-atomic": "true" })
  e.keys = html("p", { class: "caption keys" })
  e.root = assembled(e)
  return e
}

function assembled(e) {
  const label = html("label", { for: "note" }, "Reason")
  const about = html("div", { class: "about" }, e.title, e.number, e.lines, e.collapse, e.others)
  const verdicts = html("div", { class: "verdicts", role: "group", "aria-label": "verdict" })
  verdicts.append(...Object.values(e.verdicts))
  const reason = html("div", { class: "reason" }, label, e.note, e.presets)
  const more = html("div", { class: "more" }, e.previous, e.next, e.undo, e.redo, e.clear)
  const side = html("div", { class: "side" }, about, verdicts, reason, more)
  const compare = html("div", { class: "strip" })
  compare.append(html("div", { class: "strip-head" }, e.compared, e.shuffle), e.compare)
  const film = html("div", { class: "strip" }, html("p", { class: "caption" }, "Next in the queue"), e.film)
  const head = html("div", { class: "head" }, e.count, e.saved)
  const desk = html("div", { class: "desk" }, e.stage, side)
  return html("div", { class: "triage" }, head, e.bar, e.finished, desk, compare, film, e.keys, e.live)
}
