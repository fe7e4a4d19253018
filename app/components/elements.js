// Elements with attributes, for components that draw.

function svg(name, attributes, parent) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name)
  for (const [attribute, value] of Object.entries(attributes)) node.setAttribute(attribute, value)
  parent?.append(node)
  return node
}

function html(name, attributes, ...children) {
  const node = document.createElement(name)
  for (const [attribute, value] of Object.entries(attributes)) node.setAttribute(attribute, value)
  node.append(...children)
  return node
}
