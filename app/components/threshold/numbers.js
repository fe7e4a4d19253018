// Counting, stepping, scaling and writing thresholds. Pure functions; every threshold is a float32.

/** How many sorted statistics are below x: exactly the images flagged at threshold x. */
function countBelow(sorted, x) {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (sorted[middle] < x) low = middle + 1
    else high = middle
  }
  return low
}

/** The smallest float32 above x. */
function justAbove(x) {
  if (x === 0) return 2 ** -149
  const bits = new Int32Array(Float32Array.of(x).buffer)
  bits[0] += x > 0 ? 1 : -1
  return new Float32Array(bits.buffer)[0]
}

/** The threshold that flags one image more (with all that tie with it), or x when all are flagged. */
function oneMore(sorted, x) {
  const count = countBelow(sorted, x)
  if (count === sorted.length) return x
  const above = justAbove(sorted[count])
  const next = countBelow(sorted, above)
  return next < sorted.length ? sorted[next] : above
}

/** The threshold that flags one image less (with all that tie with it), or x when none is flagged. */
function oneLess(sorted, x) {
  const count = countBelow(sorted, x)
  return count === 0 ? x : sorted[count - 1]
}

/** A number line that is linear near zero (within `scale`) and logarithmic in both tails. */
function makeAxis(sorted, left, right) {
  const scale = linearScale(sorted)
  let low = Math.asinh(sorted[0] / scale)
  let high = Math.asinh(sorted[sorted.length - 1] / scale)
  const margin = high > low ? (high - low) * 0.03 : 1
  low -= margin
  high += margin
  const perPixel = (high - low) / Math.max(1, right - left)
  const toX = (value) => {
    const x = left + (Math.asinh(value / scale) - low) / perPixel
    return Math.min(right, Math.max(left, x))
  }
  const toValue = (x) => scale * Math.sinh(low + (Math.min(right, Math.max(left, x)) - left) * perPixel)
  return { scale, left, right, toX, toValue }
}

/** Half of the images lie within this distance of zero. */
function linearScale(sorted) {
  const sizes = Float32Array.from(sorted, Math.abs).sort()
  const median = sizes[sizes.length >>> 1]
  return median || sizes[sizes.length - 1] || 1
}

/** The shortest decimal within one pixel of x: dragging gives −0.02, not −0.0200347. */
function valueAt(axis, x) {
  const value = axis.toValue(x)
  const step = 10 ** Math.floor(Math.log10(Math.abs(axis.toValue(x + 0.5) - axis.toValue(x - 0.5)) || 1e-30))
  return Math.fround(Number((Math.round(value / step) * step).toPrecision(12)))
}

/** Where the axis is labelled: zero and powers of ten, no two labels closer than `apart` pixels. */
function tickValues(axis, apart) {
  const first = Math.floor(Math.log10(axis.scale))
  const candidates = [0]
  for (let power = 38; power >= first; power--) candidates.push(10 ** power, -(10 ** power))
  const inside = candidates.filter((v) => axis.toX(v) > axis.left && axis.toX(v) < axis.right)
  const kept = []
  for (const value of inside) {
    if (kept.every((other) => Math.abs(axis.toX(other) - axis.toX(value)) >= apart)) kept.push(value)
  }
  return kept
}

/** Images per bin, for bins of equal width on the axis. */
function histogram(sorted, axis, bins) {
  const width = (axis.right - axis.left) / bins
  const edges = Array.from({ length: bins + 1 }, (_, i) => countBelow(sorted, axis.toValue(axis.left + i * width)))
  edges[0] = 0
  edges[bins] = sorted.length
  return edges.slice(1).map((edge, i) => edge - edges[i])
}

/** Fewest digits that still name exactly this float32. */
function shortest(value) {
  for (let digits = 1; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits))
    if (Math.fround(short) === value) return short
  }
  return Number(value.toPrecision(9))
}

const minus = (text) => text.replaceAll("-", "−")

/** A threshold for reading: at least three decimals near zero, a true minus sign. */
function showValue(value) {
  const short = shortest(value)
  const text = String(short)
  const decimals = (text.split(".")[1] ?? "").length
  return minus(Math.abs(short) < 100 && !text.includes("e") && decimals < 3 ? short.toFixed(3) : text)
}

const showCount = (count) => String(count).replace(/\B(?=(\d{3})+$)/g, "\u00a0")

/** A power of ten for an axis label: 0.01, 100, 10⁴. */
function showTick(value) {
  if (value === 0) return "0"
  const power = Math.round(Math.log10(Math.abs(value)))
  const sign = value < 0 ? "−" : ""
  if (power >= -3 && power <= 3) return sign + String(Number((10 ** power).toPrecision(1)))
  const digits = String(power).replace(/[-\d]/g, (c) => (c === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[c]))
  return `${sign}10${digits}`
}

/** What was typed as a float32, or null; a true minus sign and a decimal comma are understood. */
function parseValue(text) {
  const plain = text.trim().replace("−", "-").replace(",", ".")
  const value = Math.fround(Number(plain))
  return plain === "" || !Number.isFinite(value) ? null : value
}
