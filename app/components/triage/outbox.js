// Verdicts on their way to Python, and what stands while they are. An outbox outlives the component and a reload of the
// page: it is emptied only by the names of what was written.

const outboxes = new Map() // book -> gestures in the order in which they were made
const STORED = "influence review "

function outboxOf(book) {
  if (!outboxes.has(book)) outboxes.set(book, restored(book))
  return outboxes.get(book)
}

function restored(book) {
  try {
    const found = JSON.parse(sessionStorage.getItem(STORED + book))
    return Array.isArray(found) ? found : []
  } catch {
    return [] // the browser keeps nothing, or something else
  }
}

function replaceOutbox(book, gestures) {
  outboxes.set(book, gestures)
  try {
    if (gestures.length) sessionStorage.setItem(STORED + book, JSON.stringify(gestures))
    else sessionStorage.removeItem(STORED + book)
  } catch {
    // then it lives as long as the page
  }
}

const freshName = () => `${Date.now().toString(36)}-${Math.random().toString(36).slice(2, 10)}`

/** What Python said last with everything in the outbox done on top of it. */
function standing(told, gestures) {
  const now = {
    verdicts: { ...told.verdicts },
    reasons: { ...told.reasons },
    done: [...told.done],
    undone: [...told.undone],
  }
  for (const gesture of gestures) STEPS[gesture.kind](now, gesture)
  return now
}

const STEPS = {
  judge(now, { image, verdict, reason }) {
    const before = now.verdicts[image] ?? "auto"
    if (before !== verdict) delete now.reasons[image]
    if (reason) now.reasons[image] = reason
    now.done.push([[image, before, verdict]])
    now.undone = []
    set(now, image, verdict)
  },
  undo(now) {
    const steps = now.done.pop()
    if (!steps) return
    for (const [image, before] of steps) set(now, image, before)
    now.undone.push(steps)
  },
  redo(now) {
    const steps = now.undone.pop()
    if (!steps) return
    for (const [image, , after] of steps) set(now, image, after)
    now.done.push(steps)
  },
}

function set(now, image, verdict) {
  if (verdict === "auto") delete now.verdicts[image]
  else now.verdicts[image] = verdict
}
