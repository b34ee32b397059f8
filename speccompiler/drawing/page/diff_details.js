// What the page says of a pair of layers, and of both models as a whole.
const MATCHES = {
  same: { mark: "", word: "same", kind: "same" },
  changed: { mark: "~", word: "changed", kind: "changed" },
  renamed: { mark: "\u2192", word: "renamed", kind: "changed" },
  moved: { mark: "\u21c5", word: "moved", kind: "changed" },
  replaced: { mark: "\u2260", word: "replaced", kind: "changed" },
  inserted: { mark: "+", word: "inserted", kind: "added" },
  removed: { mark: "\u2212", word: "removed", kind: "removed" },
};
const IMPACTS = { breaking: "breaking", cost: "cost", note: "note" };
const FITS = { kept: "kept", renamed: "kept under another name", reshaped: "of another shape", lost: "lost", added: "new" };

const matchOf = (pair) => MATCHES[pair.match === "same" && pair.changes ? "changed" : pair.match];
const shownSide = (pair) => pair.new ?? pair.old;
const hashOf = (pair) => `#${pair.new ? "layer" : "old"}=${encodeURIComponent(shownSide(pair).name)}`;

const markText = ({ mark, word, kind }) =>
  make("span", { class: `mark-text ${kind}`, text: mark ? `${mark} ${word}` : word });

const impactBadge = (impact, text = IMPACTS[impact]) => make("span", { class: `impact ${impact}`, text });

const timesText = (values) => values.join(" \u00d7 ");
const fieldSize = ({ field }) => (field === null ? "all" : field.length ? timesText(field) : "unknown");

const changeList = (changes) => make("ul", { class: "changes" }, ...changes.map((change) => make("li", {},
  impactBadge(change.impact), " ", make("code", { text: change.code }), make("p", { text: change.message }))));

const section = (title, ...children) => make("section", {}, make("h3", { text: title }), ...children);

function pairDetails(pair) {
  const { old, new: now } = pair;
  const parts = [
    make("h2", { class: "name", text: shownSide(pair).name }),
    make("p", { class: "kind" }, markText(matchOf(pair)),
      old && now && old.name !== now.name ? ` from ${old.name}` : "", ` \u00b7 ${shownSide(pair).type}`),
  ];
  if (pair.changes) parts.push(section("Changes", changeList(pair.changes)));
  parts.push(section("Old and new", sideBySide(old, now)));
  if (pair.tensors) parts.push(section("Old weights", tensorTable(pair.tensors)));
  parts.push(make("p", { class: "actions" }, make("a", { href: hashOf(pair), text: "Link to this layer" })));
  return parts;
}

const QUANTITIES = [
  ["type", (layer) => layer.type],
  ["output", (layer) => layer.shape],
  ["parameters", (layer) => layer.parameters[1]],
  ["multiply-adds", (layer) => layer.macs[1]],
  ["activations", (layer) => layer.bytes[1]],
  ["field", fieldSize],
  ["stride", (layer) => (layer.stride ? timesText(layer.stride) : "none")],
];

function sideBySide(old, now) {
  const rows = QUANTITIES.map(([name, of]) => {
    const [before, after] = [old, now].map((side) => (side ? of(side) : "\u2013"));
    return make("tr", { class: old && now && before !== after ? "differs" : null },
      make("th", { scope: "row", text: name }), make("td", { text: before }), make("td", { text: after }));
  });
  return make("table", { class: "small" },
    make("thead", {}, make("tr", {}, make("td"), make("th", { scope: "col", text: "old" }), make("th", { scope: "col", text: "new" }))),
    make("tbody", {}, ...rows));
}

function tensorTable(tensors) {
  const rows = tensors.map(([fit, oldName, newName, oldShape, newShape]) => make("tr", { class: fit === "kept" ? null : "differs" },
    make("th", { scope: "row", class: "name" }, oldName && newName && oldName !== newName ? `${oldName} \u2192 ${newName}` : newName ?? oldName),
    make("td", { text: oldShape && newShape && oldShape !== newShape ? `${oldShape} \u2192 ${newShape}` : newShape ?? oldShape }),
    make("td", { text: FITS[fit] })));
  return make("table", { class: "small" },
    make("thead", {}, make("tr", {}, ...["tensor", "shape", "old values"].map((text) => make("th", { scope: "col", text })))),
    make("tbody", {}, ...rows));
}

/** The page before a layer is selected: all changes, those of the models first. */
function diffOverview() {
  const changed = data.pairs.filter((pair) => pair.changes || pair.match !== "same");
  const parts = [make("h2", { text: "What changed" })];
  if (!changed.length && !data.modelChanges.length) {
    parts.push(make("p", { class: "kind", text: "Nothing that the compiler can see." }));
  }
  if (data.divergesAt !== null) {
    const pair = data.pairs.find((each) => each.new?.name === data.divergesAt);
    parts.push(section("Shapes diverge first at", make("ul", { class: "links" }, make("li", {}, make("a", { href: hashOf(pair), class: "name", text: data.divergesAt })))));
  }
  if (Object.keys(data.fits).length) {
    const counts = Object.entries(data.fits).map(([fit, count]) => `${count} ${FITS[fit]}`);
    parts.push(section("Old weights", make("p", { text: `Tensors: ${counts.join(", ")}.` })));
  }
  if (data.modelChanges.length) parts.push(section("The model", changeList(data.modelChanges)));
  if (changed.length) {
    parts.push(section("Layers", make("ul", { class: "changes" }, ...changed.map((pair) => make("li", {},
      markText(matchOf(pair)), " ", make("a", { href: hashOf(pair), class: "name", text: shownSide(pair).name }),
      ...(pair.changes ?? []).map((change) => make("p", { text: change.message })))))));
  }
  return parts;
}
