// Keys, buttons, and the conversation with Python. The queue and what stands arrive in two mounts: the first is the same
// on every run, so it is sent once.

const queues = new Map() // name -> items and images to compare with
const views = new Set()
const SEND_PAUSE = 90
const MOVE_PAUSE = 600
const RETRY = 4000

function storeQueue(queue) {
  queues.delete(queue.name)
  queues.set(queue.name, queue)
  for (const name of [...queues.keys()].slice(0, -4)) queues.delete(name)
  for (const view of views) receive(view)
}

/** Take over what Python sent; what was written leaves the outbox. */
function receive(view) {
  const { told } = view
  const queue = queues.get(told.shown)
  if (!queue?.items.length) return
  const heard = hears(view, told)
  const written = new Set(told.written)
  const waiting = outboxOf(told.book).filter((gesture) => !written.has(gesture.id))
  if (waiting.length < outboxOf(told.book).length) replaceOutbox(told.book, waiting)
  view.outbox = waiting
  if (view.queue !== queue) enter(view, queue)
  else if (heard && told.at !== view.toldAt) goTo(view, indexOf(queue, told.at))
  draw(view)
  if (waiting.length && view.timer === null) view.timer = setTimeout(() => send(view), view.last ? RETRY : 0)
}

const indexOf = (queue, id) => queue.items.findIndex((item) => item.id === id)

/** Begin with a queue: at the same image where it is in it, else at the first that is not judged. */
function enter(view, queue) {
  const before = view.queue?.items[view.index]?.id
  const { verdicts } = standing(view.told, view.outbox)
  const known = indexOf(queue, before ?? view.told.at)
  const open = queue.items.findIndex((item) => !verdicts[item.id])
  const place = before === undefined ? Math.max(0, open) : Math.min(view.index, queue.items.length - 1)
  view.queue = queue
  view.index = known >= 0 ? known : place
  view.toldAt = view.told.at
  view.seen = null
}

function goTo(view, index) {
  if (index < 0 || index >= view.queue.items.length || index === view.index) return
  view.index = index
  for (const item of view.queue.items.slice(index + STRIP - BEFORE, index + STRIP + 4)) new Image().src = item.src
}

function move(view, index) {
  goTo(view, index)
  draw(view)
  say(view, "")
  if (view.outbox.length) return
  clearTimeout(view.timer)
  view.timer = setTimeout(() => send(view), MOVE_PAUSE)
}

function say(view, what) {
  const item = view.queue.items[view.index]
  const { count, live } = view.elements
  live.textContent = `${what}${words(item)}, ${judgedWord(view.now.verdicts[item.id])}. ${count.textContent}`
}

function judge(view, verdict, stay = false) {
  const item = view.queue.items[view.index]
  const before = view.now.verdicts[item.id] ?? "auto"
  const typed = view.elements.note.value.trim()
  const reason = verdict === "auto" || typed === (view.now.reasons[item.id] ?? "") ? "" : typed
  const changed = before !== verdict || reason
  if (changed) enqueue(view, { kind: "judge", image: item.id, verdict, reason })
  view.seen = null // so that the note shows what stands
  if (!stay) goTo(view, following(view, before === "auto"))
  draw(view)
  say(view, `Image ${item.id} ${verdict === "auto" ? "left to the rule" : judgedWord(verdict)}. `)
  if (changed) send(view)
}

/** Where to look next: the next image that is not judged, or merely the next one when judging anew. */
function following(view, first) {
  const { items } = view.queue
  if (!first) return Math.min(view.index + 1, items.length - 1)
  const { verdicts } = standing(view.told, view.outbox)
  const open = (item, i) => i !== view.index && !verdicts[item.id]
  const later = items.findIndex((item, i) => i > view.index && open(item, i))
  const any = later >= 0 ? later : items.findIndex(open)
  return any >= 0 ? any : view.index
}

function takeBack(view, kind) {
  const stack = kind === "undo" ? view.now.done : view.now.undone
  if (!stack.length) return
  const [image] = stack[stack.length - 1][0]
  enqueue(view, { kind, image })
  goTo(view, indexOf(view.queue, image))
  view.seen = null
  draw(view)
  say(view, kind === "undo" ? "Undone. " : "Done again. ")
  send(view)
}

function enqueue(view, gesture) {
  view.outbox = [...view.outbox, { id: freshName(), ...gesture }]
  replaceOutbox(view.told.book, view.outbox)
}

/** The whole outbox, so that nothing is lost when one message replaces another; again until it is written. */
function send(view) {
  clearTimeout(view.timer)
  const pause = (view.sent ?? 0) + SEND_PAUSE - Date.now()
  if (pause > 0) {
    view.timer = setTimeout(() => send(view), pause)
    return
  }
  view.sent = Date.now()
  view.toldAt = view.queue.items[view.index].id
  tell(view, { book: view.told.book, gestures: view.outbox, at: view.toldAt })
  view.timer = view.outbox.length ? setTimeout(() => send(view), RETRY) : null
}

function onKey(view, event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return
  const { note, stage } = view.elements
  if (event.target === note) {
    event.stopPropagation()
    if (event.key === "Enter") saveReason(view)
    if (event.key === "Enter" || event.key === "Escape") stage.focus({ preventScroll: true })
    return
  }
  const action = actionOf(view, event)
  if (!action) return
  event.preventDefault()
  event.stopPropagation()
  action()
}

function actionOf(view, event) {
  const last = view.queue.items.length - 1
  const moves = { ArrowRight: view.index + 1, ArrowLeft: view.index - 1, Home: 0, End: last }
  if (Object.hasOwn(moves, event.key)) return () => move(view, Math.min(last, Math.max(0, moves[event.key])))
  const letter = event.key.toLowerCase()
  const { presets } = view.told
  const letters = {
    p: () => judge(view, "poison"),
    e: () => judge(view, "keep"),
    u: () => judge(view, "unsure"),
    a: () => view.elements.clear.disabled || judge(view, "auto", true),
    z: () => takeBack(view, event.shiftKey ? "redo" : "undo"),
    y: () => takeBack(view, "redo"),
    n: () => view.elements.note.focus(),
  }
  const preset = presets[Number(event.key) - 1]
  const action = Object.hasOwn(letters, letter) ? letters[letter] : preset ? () => usePreset(view, preset) : null
  return action && event.repeat ? () => {} : action // a key held down judges one image
}

function usePreset(view, reason) {
  const { note } = view.elements
  note.value = note.value === reason ? "" : reason
  saveReason(view)
}

/** A reason that is written after the verdict goes with it. */
function saveReason(view) {
  const verdict = view.now.verdicts[view.queue.items[view.index].id]
  if (verdict) judge(view, verdict, true)
}

function listen(view) {
  const { elements: e } = view
  e.root.onkeydown = (event) => onKey(view, event)
  e.stage.onclick = () => e.stage.focus()
  for (const [verdict, node] of Object.entries(e.verdicts)) node.onclick = () => judge(view, verdict)
  e.clear.onclick = () => judge(view, "auto", true)
  e.undo.onclick = () => takeBack(view, "undo")
  e.redo.onclick = () => takeBack(view, "redo")
  e.previous.onclick = () => move(view, view.index - 1)
  e.next.onclick = () => move(view, view.index + 1)
  e.film.onclick = (event) => {
    const slot = event.target.closest(".slot")
    if (slot) move(view, Number(slot.dataset.index))
  }
  e.shuffle.onclick = () => {
    view.shuffled += 1
    draw(view)
  }
  e.image.onload = () => enlarge(e.image)
}

function mount(parent, told) {
  const view = { parent, elements: buildElements(), told, queue: null, index: 0, outbox: [], timer: null }
  Object.assign(view, { said: null, last: null, toldAt: null, seen: null, shuffled: 0, now: null, sent: null })
  const { presets, keys } = view.elements
  told.presets.forEach((reason, k) => {
    const preset = button({ class: "small preset" }, reason, key(String(k + 1)))
    preset.onclick = () => usePreset(view, reason)
    presets.append(preset)
  })
  keys.textContent = "Keys act once the image or a button here has the focus: click the image, or reach it by Tab."
  listen(view)
  parent.append(view.elements.root)
  views.add(view)
  return view
}

export default function ({ data, parentElement, setStateValue }) {
  if (data.queue) return storeQueue(data.queue)
  const view = standingIn(parentElement, (place) => mount(place, data))
  view.told = data
  view.send = setStateValue
  receive(view)
  return whenGone(parentElement, () => {
    clearTimeout(view.timer)
    views.delete(view)
  })
}
