// What a component puts into its place in the page: once, until the place is gone.
//
// Streamlit calls a component anew whenever its data change. When they change before a call had begun, it hands back the
// clean-up of that call as well, while the component of the next one stands; so a clean-up counts only when the place
// has left the page.

const mounted = new WeakMap() // place, an element or a shadow root -> what stands there

/** What stands in this place, made by `mount(place)` the first time. */
function standingIn(place, mount) {
  if (!mounted.has(place)) mounted.set(place, mount(place))
  return mounted.get(place)
}

/** A clean-up that hands what stands to `unmount` when its place is gone, once. */
function whenGone(place, unmount) {
  return () => {
    if (place.isConnected || !mounted.has(place)) return
    unmount(mounted.get(place))
    mounted.delete(place)
  }
}

// What is said to Python, and whether it has heard it. Streamlit hands the last message of every component over to a
// server that was started anew, so each names the session for which it was meant, and is said again where that ended
// without an answer.

/** A gesture that is about to be said: until it is answered, what Python sends is older than what the user sees. */
function announce(view, value) {
  view.said = { value, token: `${Date.now()}-${Math.random().toString(36).slice(2, 8)}`, session: view.session }
}

/** Say what was announced last. */
function deliver(view) {
  if (!view.said) return
  view.last = view.said
  view.send("commit", view.said)
}

function tell(view, value) {
  announce(view, value)
  deliver(view)
}

/** Whether Python has heard all that was said; call it with whatever it sends. */
function hears(view, { session, token, own }) {
  const anew = view.session !== undefined && view.session !== session
  view.session = session
  if (view.said && view.said.token === token) view.said = null
  const again = view.said ?? (own ? view.last : null)
  if (anew && again) tell(view, again.value)
  return !view.said
}
