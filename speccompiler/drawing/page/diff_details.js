// What the page says of a pair of layers, and of both models as a whole.
const MATCHES = {
  same: { mark: "", word: "same", kind: "same" },
  changed: { mark: "~", word: "changed", kind: "changed" },
  follows: { mark: "\u21b3", word: "follows", kind: "follows" },
  renamed: { mark: "\u2192", word: "renamed", kind: "changed" },
  moved: { mark: "\u21c5", word: "moved", kind: "changed" },
  replaced: { mark: "\u2260", word: "replaced", kind: "changed" },
  inserted: { mark: "+", word: "inserted", kind: "added" },
  removed: { mark: "\u2212", word: "removed", kind: "removed" },
};
const IMPACTS = { breaking: "breaking", cost: "cost", note: "note" };
const FITS = {
  kept: "kept",
  renamed: "kept under another name",
  reshaped: "of another shape",
  lost: "lost",
  added: "new",
};

const sentence = (change) => change.message.replaceAll(" -> ", " \u2192 ");

const matchOf = (pair) => MATCHES[pair.match === "same" && pair.changes ? "changed" : pair.match];
const shownSide = (pair) => pair.new ?? pair.old;
const hashOf = (pair) =>
  `${hashOfFile(file)}${pair.new ? "layer" : "old"}=${encodeURIComponent(shownSide(pair).name)}`;

const markText = ({ mark, word, kind }) =>
  make("span", { class: `mark-text ${kind}`, text: mark ? `${mark} ${word}` : word });

const impactBadge = (impact, text = IMPACTS[impact]) =>
  make("span", { class: `impact ${impact}`, text });

const changeList = (changes) =>
  make(
    "ul",
    { class: "changes" },
    ...changes.map((change) =>
      make(
        "li",
        {},
        impactBadge(change.impact),
        " ",
        make("code", { text: change.code }),
        make("p", { text: sentence(change) }),
        because(change),
      ),
    ),
  );

/** The layers that a change follows from. */
function because(change) {
  if (!change.because) return null;
  const causes = change.because.map((name) => {
    const pair =
      file.pairs.find((each) => each.new?.name === name) ??
      file.pairs.find((each) => each.old?.name === name);
    return pair ? make("a", { href: hashOf(pair), class: "name", text: name }) : name;
  });
  return make(
    "p",
    { class: "kind" },
    "follows from ",
    ...causes.flatMap((cause, i) => (i ? [", ", cause] : [cause])),
  );
}

const section = (title, ...children) =>
  make("section", {}, make("h3", { text: title }), ...children);

function pairDetails(pair) {
  const { old, new: now } = pair;
  const parts = [
    make("h2", { class: "name", text: shownSide(pair).name }),
    make(
      "p",
      { class: "kind" },
      markText(matchOf(pair)),
      old && now && old.name !== now.name ? ` from ${old.name}` : "",
      ` \u00b7 ${shownSide(pair).type}`,
    ),
  ];
  if (pair.changes) parts.push(section("Changes", changeList(pair.changes)));
  parts.push(section("Old and new", sideBySide(old, now)));
  if (pair.tensors) parts.push(section("Old weights", tensorTable(pair.tensors)));
  parts.push(
    make("p", { class: "actions" }, make("a", { href: hashOf(pair), text: "Link to this layer" })),
  );
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
    return make(
      "tr",
      { class: old && now && before !== after ? "differs" : null },
      make("th", { scope: "row", text: name }),
      make("td", {}, ...breakable(before)),
      make("td", {}, ...breakable(after)),
    );
  });
  return make(
    "table",
    { class: "small both" },
    make(
      "thead",
      {},
      make(
        "tr",
        {},
        make("td"),
        make("th", { scope: "col", text: "old" }),
        make("th", { scope: "col", text: "new" }),
      ),
    ),
    make("tbody", {}, ...rows),
  );
}

function tensorTable(tensors) {
  const rows = tensors.map(([fit, oldName, newName, oldShape, newShape]) =>
    make(
      "tr",
      { class: fit === "kept" ? null : "differs" },
      make(
        "th",
        { scope: "row", class: "name" },
        oldName && newName && oldName !== newName
          ? `${oldName} \u2192 ${newName}`
          : (newName ?? oldName),
      ),
      make("td", {
        text:
          oldShape && newShape && oldShape !== newShape
            ? `${oldShape} \u2192 ${newShape}`
            : (newShape ?? oldShape),
      }),
      make("td", { text: FITS[fit] }),
    ),
  );
  return make(
    "table",
    { class: "small" },
    make(
      "thead",
      {},
      make(
        "tr",
        {},
        ...["tensor", "shape", "old values"].map((text) => make("th", { scope: "col", text })),
      ),
    ),
    make("tbody", {}, ...rows),
  );
}
