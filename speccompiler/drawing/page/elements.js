// Elements are made by name, and every text is put in as text: no name is ever markup.
const byId = (id) => document.getElementById(id);

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "text") element.textContent = value;
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

const make = (tag, attributes = {}, ...children) =>
  filled(document.createElement(tag), attributes, children);

const draw = (tag, attributes = {}, ...children) =>
  filled(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);

/** A text with the parts that equal the query in <mark>; without a query just the text. */
function marked(text, query) {
  if (!query) return [text];
  const parts = [];
  const lower = text.toLowerCase();
  let from = 0;
  // A text that changes its length in lower case is not cut into.
  for (let at = lower.indexOf(query); at >= 0 && lower.length === text.length;) {
    parts.push(text.slice(from, at), make("mark", { text: text.slice(at, at + query.length) }));
    from = at + query.length;
    at = lower.indexOf(query, from);
  }
  return [...parts, text.slice(from)];
}

/** A name in words, MaxPooling2D: it may be broken between them. */
const breakable = (text) =>
  text.split(/(?=[A-Z][a-z])/).flatMap((word, i) => (i ? [make("wbr"), word] : [word]));

/** What a screen reader says next. */
function say(text) {
  byId("said").textContent = text;
}

const moves = () => matchMedia("(prefers-reduced-motion: no-preference)").matches;

/** One call at the next frame, however often it is asked for before. */
function eachFrame(work) {
  let asked = 0;
  return () => {
    if (!asked)
      asked = requestAnimationFrame(() => {
        asked = 0;
        work();
      });
  };
}

const data = JSON.parse(byId("data").textContent);
