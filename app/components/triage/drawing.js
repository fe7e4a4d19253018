// From what stands to what is seen. Nothing is built anew while judging, so focus stays where it is.

const SIDE = 320

function draw(view) {
  const { elements: e, queue } = view
  const item = queue.items[view.index]
  view.now = standing(view.told, view.outbox)
  drawProgress(view)
  drawItem(e, item, view)
  drawFilm(view)
  drawCompared(view, item)
  e.undo.disabled = !view.now.done.length
  e.redo.disabled = !view.now.undone.length
  e.previous.disabled = view.index === 0
  e.next.disabled = view.index === queue.items.length - 1
  e.clear.disabled = !view.now.verdicts[item.id]
}

const words = (item) => `training image ${item.id}, labelled ${item.title}, ${item.flagged ? "" : "not "}flagged`
const judgedWord = (verdict) => (verdict ? `called ${verdict}` : "not judged")

function drawProgress(view) {
  const { elements: e, now, queue, told } = view
  const total = queue.items.length
  const judged = queue.items.filter((item) => now.verdicts[item.id]).length
  const pace = told.each === null ? [] : [`about ${told.each < 9.5 ? told.each.toFixed(1) : Math.round(told.each)} s each`]
  if (pace.length && judged < total) pace.push(`${duration(told.each * (total - judged))} left`)
  e.count.textContent = [`${judged} of ${total} judged`, ...pace].join(" · ")
  e.bar.value = judged / total
  e.saved.textContent = view.outbox.length ? `saving ${view.outbox.length} …` : "all saved"
  e.finished.hidden = judged < total
  if (judged === total) e.finished.textContent = `All ${total} judged: ${tally(view)}.`
}

function tally({ now, queue }) {
  const counts = Object.keys(VERDICTS).map((v) => [queue.items.filter((i) => now.verdicts[i.id] === v).length, v])
  return counts.map(([n, verdict]) => `${n} ${verdict}`).join(", ")
}

const duration = (seconds) =>
  seconds < 90 ? `${Math.round(seconds)} s` : seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`

function drawItem(e, item, view) {
  const verdict = view.now.verdicts[item.id]
  e.stage.setAttribute("aria-label", `${words(item)}, ${judgedWord(verdict)}`)
  e.stage.dataset.verdict = verdict ?? ""
  if (e.image.dataset.src !== item.src) e.image.src = e.image.dataset.src = item.src
  e.image.alt = words(item)
  stamp(e.stamp, verdict)
  e.title.textContent = `Labelled “${item.title}”`
  e.number.textContent = `training image ${item.id} · ${item.flagged ? "flagged by the rule" : "not flagged"}`
  for (const [name, pressed] of Object.entries(e.verdicts)) pressed.setAttribute("aria-pressed", name === verdict)
  e.others.textContent = view.told.others[item.id] ? `Said by others – ${view.told.others[item.id]}` : ""
  if (view.seen === item) return
  view.seen = item
  e.lines.replaceChildren(...item.lines.map((line) => html("li", {}, line)))
  drawCollapse(e.collapse, item.strip)
  e.note.value = view.now.reasons[item.id] ?? ""
}

function stamp(node, verdict) {
  node.replaceChildren(...(verdict ? [icon(VERDICTS[verdict].icon), VERDICTS[verdict].name] : []))
  node.className = `stamp ${verdict ?? ""}`
}

/** Cells from −1 (orange, underlined by a dash) over 0 (clear) to 1 (blue), lowest first. */
function drawCollapse(canvas, values) {
  canvas.width = values.length * 8
  canvas.setAttribute("aria-label", `${values.filter((v) => v < 0).length} of ${values.length} changes of influence fall`)
  const pen = canvas.getContext("2d")
  values.forEach((value, i) => {
    pen.globalAlpha = 0.12 + 0.88 * Math.abs(value)
    pen.fillStyle = value < 0 ? "#d55e00" : "#1f86c9"
    pen.fillRect(i * 8, 0, 7, 10)
    pen.globalAlpha = 1
    if (value < 0) pen.fillRect(i * 8, 12, 6, 2)
  })
}

function drawFilm(view) {
  const { elements: e, queue, now } = view
  const slots = e.film.children.length ? [...e.film.children] : newFilm(view)
  const first = Math.max(0, Math.min(view.index - BEFORE, queue.items.length - STRIP))
  slots.forEach((slot, k) => {
    const item = queue.items[first + k]
    slot.hidden = !item
    if (!item) return
    const [image, mark] = slot.children
    const verdict = now.verdicts[item.id]
    slot.dataset.index = first + k
    if (image.dataset.src !== item.src) image.src = image.dataset.src = item.src
    stamp(mark, verdict)
    slot.setAttribute("aria-label", `${words(item)}, ${judgedWord(verdict)}`)
    if (first + k === view.index) slot.setAttribute("aria-current", "true")
    else slot.removeAttribute("aria-current")
  })
}

function newFilm(view) {
  const slots = Array.from({ length: STRIP }, () => button({ class: "slot" }, html("img", { alt: "" }), html("span")))
  view.elements.film.replaceChildren(...slots)
  return slots
}

function drawCompared(view, item) {
  const { elements: e } = view
  const all = view.queue.compare[item.label] ?? []
  const look = `${view.queue.name} ${item.label} ${view.shuffled}`
  if (e.compare.dataset.look === look) return
  e.compare.dataset.look = look
  const from = (view.shuffled * COMPARED) % Math.max(1, all.length)
  const alt = `training image labelled ${item.title} that is far from flagged`
  const shown = all.slice(from, from + COMPARED)
  e.compare.replaceChildren(...shown.map((src) => html("img", { src, alt })))
  e.compared.textContent = shown.length
    ? `To compare: random images labelled “${item.title}” that are far from flagged`
    : `No image labelled “${item.title}” is far from flagged`
  e.shuffle.hidden = all.length <= COMPARED
}

/** Whole-number magnification, so that pixels stay square and sharp. */
function enlarge(image) {
  const longest = Math.max(image.naturalWidth, image.naturalHeight) || 1
  const factor = Math.max(1, Math.floor(SIDE / longest))
  image.style.width = `${image.naturalWidth * factor}px`
}
