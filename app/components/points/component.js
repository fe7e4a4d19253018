// Mounting, the tool bar, and the conversation with Python.

const HINT =
  "Tab here, then: arrows choose a point · Enter grabs and drops · P places · F flips the label · " +
  "Delete removes · T test point · Z undoes"

/** Take over what Python sent, unless the user is in the middle of a gesture or ahead of Python. */
function receive(view) {
  const { data } = view
  view.pending = view.pending.filter((gesture) => gesture.serial > data.done)
  const heard = hears(view, data)
  if (view.drag || view.grabbed || !heard) return
  view.points = data.points.map(([id, x, y, k, score, flagged]) => ({ id, x, y, k, score, flagged }))
  view.test = [...data.test]
  if (view.active !== TEST && !pointOf(view, view.active)) view.active = TEST
  if (view.label >= data.classes.length) view.label = 1
  view.plot.setAttribute("aria-label", data.label)
  tools(view)
  legend(view)
  drawAll(view)
}

function drawAll(view) {
  view.side = Math.min(view.root.clientWidth, 560)
  if (!view.side || !view.data) return
  view.picture.style.width = view.picture.style.height = `${view.side}px`
  view.marks.setAttribute("viewBox", `0 0 ${view.side} ${view.side}`)
  drawGround(view)
  drawMarks(view)
}

/** Ask for something to be done once; listed until it was, so that nothing is lost by being quick. */
function ask(view, gesture) {
  view.serial = Math.max(view.serial + 1, Date.now())
  view.pending = [...view.pending, { serial: view.serial, ...gesture }]
  tell(view, view.pending)
}

/** End of a gesture: the whole picture goes to Python. */
function commit(view, said) {
  say(view, said)
  drawMarks(view)
  ask(view, { points: view.points.map(({ id, x, y, k }) => [id, x, y, k]), test: view.test })
}

function tools(view) {
  const classes = view.data.classes.map((name, k) => ["place", `Place ${GLYPHS[k]} ${name}`, k])
  const all = [["move", "Move"], ...classes, ["flip", "Flip label"], ["remove", "Remove"]]
  const look = JSON.stringify(all)
  if (view.look !== look) {
    view.look = look
    view.bar.replaceChildren(
      ...all.map(([mode, text, k]) => {
        const button = node("button", "", text)
        button.type = "button"
        button.onclick = () => {
          view.mode = mode
          if (k !== undefined) view.label = k
          tools(view)
        }
        return button
      }),
    )
  }
  all.forEach(([mode, , k], i) => {
    const pressed = mode === view.mode && (k === undefined || k === view.label)
    view.bar.children[i].setAttribute("aria-pressed", pressed)
  })
  view.plot.dataset.mode = view.mode
}

function mount(parent) {
  const view = { root: node("div", "points"), points: [], test: [0, 0], active: TEST, mode: "move", label: 1 }
  Object.assign(view, { grabbed: null, drag: null, said: null, pending: [], serial: 0, frame: null, pressed: null, side: 0, look: "" })
  view.bar = node("div", "bar")
  view.bar.setAttribute("role", "toolbar")
  view.bar.setAttribute("aria-label", "What a click does")
  view.plot = node("div", "plot")
  view.plot.tabIndex = 0
  view.plot.setAttribute("role", "application")
  view.picture = node("div", "picture")
  view.canvas = node("canvas")
  view.marks = svg("svg", { "aria-hidden": "true" })
  view.picture.append(view.canvas, view.marks)
  view.plot.append(view.picture)
  view.legend = node("p", "legend")
  view.live = node("p", "live")
  view.live.setAttribute("aria-live", "polite")
  view.root.append(view.bar, view.plot, view.live, view.legend, node("p", "keys", HINT))
  view.plot.onkeydown = (event) => onKey(view, event)
  view.plot.onblur = () => view.grabbed && grab(view)
  view.plot.onpointerdown = (event) => onPointerDown(view, event)
  view.plot.onpointermove = (event) => onPointerMove(view, event)
  view.plot.onpointerup = (event) => onPointerUp(view, event)
  view.plot.onpointercancel = () => {
    view.pressed = null
    if (view.drag) putBack(view)
  }
  // A finger on a point drags it, anywhere else it scrolls the page.
  view.plot.addEventListener("touchstart", (event) => idAt(event) !== null && event.preventDefault(), { passive: false })
  view.resized = new ResizeObserver(() => Math.min(view.root.clientWidth, 560) !== view.side && drawAll(view))
  view.resized.observe(view.root)
  parent.append(view.root)
  return view
}

export default function ({ data, parentElement, setStateValue }) {
  const view = standingIn(parentElement, mount)
  view.data = data
  view.send = setStateValue
  receive(view)
  return whenGone(parentElement, () => view.resized.disconnect())
}
