// What the user does: dragging, placing, flipping and removing, by pointer and by keyboard.

const TEST = -1
const STEP = 0.1
const rounded = (value) => Math.round(value * 100) / 100
const inside = (view, value) => rounded(Math.min(view.data.field, Math.max(-view.data.field, value)))

const pointOf = (view, id) => view.points.find((point) => point.id === id)
const placeOf = (view, id) => (id === TEST ? view.test : [pointOf(view, id).x, pointOf(view, id).y])

function moveTo(view, id, x, y) {
  const at = [inside(view, x), inside(view, y)]
  if (id === TEST) view.test = at
  else Object.assign(pointOf(view, id), { x: at[0], y: at[1] })
}

function describe(view, id) {
  if (id === TEST) return `test point, read as ${view.data.read}, at ${view.test.join(", ")}`
  const { x, y, k, score, flagged } = pointOf(view, id)
  const role = score > FAINT ? "supports the answer" : score < -FAINT ? "argues against the answer" : "hardly matters"
  const kind = id >= view.data.placed ? "placed point" : "point"
  return `${kind} labelled ${view.data.classes[k]}, at ${x}, ${y}, ${role}${flagged ? ", flagged" : ""}`
}

function say(view, text) {
  view.live.textContent = text
}

function place(view, x, y) {
  const placed = view.points.filter((point) => point.id >= view.data.placed)
  if (placed.length >= view.data.most) return say(view, `No more than ${view.data.most} points can be placed.`)
  const id = Math.max(view.data.placed - 1, ...placed.map((point) => point.id)) + 1
  view.points.push({ id, x: inside(view, x), y: inside(view, y), k: view.label, score: 0, flagged: 0 })
  view.active = id
  commit(view, `Placed a point labelled ${view.data.classes[view.label]}.`)
}

function flip(view, id) {
  if (id === TEST) return say(view, "The test point has no label.")
  const point = pointOf(view, id)
  point.k = (point.k + 1) % view.data.classes.length
  commit(view, `Now labelled ${view.data.classes[point.k]}.`)
}

function remove(view, id) {
  if (id === TEST) return say(view, "The test point stays.")
  if (view.points.length < 2) return say(view, "The last training point stays.")
  view.points = view.points.filter((point) => point.id !== id)
  view.active = TEST
  commit(view, "Removed.")
}

/** The nearest point in a direction: near ahead counts more than near aside. */
function nearest(view, dx, dy) {
  const [x, y] = placeOf(view, view.active)
  const others = [TEST, ...view.points.map((point) => point.id)].filter((id) => id !== view.active)
  let best = null
  for (const id of others) {
    const [ox, oy] = placeOf(view, id)
    const ahead = (ox - x) * dx + (oy - y) * dy
    const aside = Math.abs((ox - x) * dy) + Math.abs((oy - y) * dx)
    if (ahead > 0.001 && (best === null || ahead + 2 * aside < best.cost)) best = { id, cost: ahead + 2 * aside }
  }
  return best?.id ?? view.active
}

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }

function onArrow(view, [dx, dy], far) {
  if (view.grabbed) {
    const [x, y] = placeOf(view, view.active)
    const step = far ? 5 * STEP : STEP
    moveTo(view, view.active, x + dx * step, y + dy * step)
    say(view, placeOf(view, view.active).join(", "))
  } else {
    view.active = nearest(view, dx, dy)
    say(view, describe(view, view.active))
  }
  drawMarks(view)
}

function grab(view) {
  if (view.grabbed) {
    view.grabbed = null
    return commit(view, "Dropped.")
  }
  view.grabbed = placeOf(view, view.active)
  say(view, "Grabbed: arrows move it, Enter drops it, Escape puts it back.")
  drawMarks(view)
}

function putBack(view) {
  if (view.grabbed) moveTo(view, view.active, ...view.grabbed)
  if (view.drag) moveTo(view, view.drag.id, ...view.drag.from)
  view.grabbed = view.drag = null
  say(view, "Put back.")
  drawMarks(view)
}

function onKey(view, event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key
  const [x, y] = placeOf(view, view.active)
  const free = !view.grabbed && !view.drag
  if (ARROWS[key]) onArrow(view, ARROWS[key], event.shiftKey)
  else if (key === "Enter" || key === " ") event.repeat || grab(view)
  else if (key === "Escape" && !free) putBack(view)
  else if (key === "p" && free) place(view, x + 0.25, y + 0.25)
  else if (key === "f" && free) flip(view, view.active)
  else if ((key === "Delete" || key === "Backspace") && free) remove(view, view.active)
  else if (key === "t" && free) {
    view.active = TEST
    say(view, describe(view, TEST))
    drawMarks(view)
  } else if (key === "z" && free) ask(view, { step: event.shiftKey ? 1 : -1 })
  else return
  event.preventDefault()
  event.stopPropagation()
}

const idAt = (event) => {
  const group = event.target.closest?.("g.point")
  return group ? Number(group.dataset.id) : null
}

function onPointerDown(view, event) {
  const id = idAt(event)
  view.pressed = null
  if (event.button !== 0) return
  // Not left to a click event: it is lost when what was pressed is drawn anew before it is let go.
  if (id === null) return void (view.mode === "place" && (view.pressed = at(view, event)))
  view.active = id
  view.grabbed = null
  view.plot.focus({ preventScroll: true })
  event.preventDefault()
  if (view.mode === "flip") return flip(view, id)
  if (view.mode === "remove") return remove(view, id)
  const [x, y] = placeOf(view, id)
  view.drag = { id, from: [x, y], off: [x - fromX(view, at(view, event)[0]), y - fromY(view, at(view, event)[1])] }
  view.plot.setPointerCapture(event.pointerId)
  drawSoon(view) // not now: the touch event that follows needs the shape that was touched
}

function drawSoon(view) {
  view.frame ??= requestAnimationFrame(() => {
    view.frame = null
    drawMarks(view)
  })
}

function at(view, event) {
  const box = view.picture.getBoundingClientRect()
  return [event.clientX - box.left, event.clientY - box.top]
}

function onPointerMove(view, event) {
  if (!view.drag) return
  const [px, py] = at(view, event)
  moveTo(view, view.drag.id, fromX(view, px) + view.drag.off[0], fromY(view, py) + view.drag.off[1])
  drawSoon(view)
}

function onPointerUp(view, event) {
  if (!view.drag) return released(view, event)
  const { id, from } = view.drag
  view.drag = null
  const [x, y] = placeOf(view, id)
  if (x !== from[0] || y !== from[1]) commit(view, `Moved to ${x}, ${y}.`)
  else if (view.mode === "place") placeAt(view, event) // on top of another point
}

function placeAt(view, event) {
  const [px, py] = at(view, event)
  place(view, fromX(view, px), fromY(view, py))
}

/** Let go beside every point: that places one, unless the pointer was drawn over the plot. */
function released(view, event) {
  const from = view.pressed
  view.pressed = null
  if (!from) return
  const [px, py] = at(view, event)
  if (Math.hypot(px - from[0], py - from[1]) < 8) placeAt(view, event)
}
