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
