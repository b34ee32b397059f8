// The columns of the table of pairs.
/** Name above, type and shape below; an empty cell where the side has no such layer. */
const layerCell = (name) => (pair, query) => {
  const layer = pair[name],
    other = pair[name === "old" ? "new" : "old"];
  if (!layer) return [make("span", { class: "unseen", text: "none" })];
  const part = (of, text = of(layer)) =>
    make(
      "span",
      { class: other && of(other) !== of(layer) ? "differs" : null },
      ...marked(text, query),
    );
  return [
    make(
      "div",
      { class: "name" },
      part((each) => each.name),
    ),
    make(
      "div",
      { class: "below" },
      part((each) => each.type),
      " ",
      make("span", {
        class: other && other.shape !== layer.shape ? "differs" : null,
        text: layer.shape,
      }),
    ),
  ];
};
/** No layer, or one without any; an open amount is some. */
const isNone = (amount) => !amount || amount[0] === 0;
const amounts = (key) => (pair) => {
  const [old, now] = [pair.old, pair.new].map((layer) => layer?.[key]);
  if (isNone(old) && isNone(now)) return [""];
  if (old && now && old[1] === now[1]) return [now[1]];
  return [
    make(
      "span",
      { class: "old-new" },
      ...(old ? [make("del", { text: old[1] })] : []),
      old && now ? " \u2192 " : "",
      now ? now[1] : "",
    ),
  ];
};
const sided = (name) => (pair) => `${name}-side side-start ${pair[name] ? "" : "gap"}`;

const columns = [
  {
    key: "match",
    label: "change",
    value: (pair) => matchOf(pair).word,
    cell: (pair) => [markText(matchOf(pair))],
  },
  {
    key: "old",
    label: "old layer",
    value: (pair) => pair.old?.name,
    cell: layerCell("old"),
    classOf: sided("old"),
  },
  {
    key: "new",
    label: "new layer",
    value: (pair) => pair.new?.name,
    cell: layerCell("new"),
    classOf: sided("new"),
  },
  {
    key: "what",
    label: "what changed",
    value: (pair) => -(pair.changes?.length ?? 0),
    className: "what side-start",
    cell: (pair) => (pair.changes ?? []).map((change) => make("div", { text: sentence(change) })),
  },
  {
    key: "parameters",
    label: "parameters",
    number: true,
    value: (pair) => shownSide(pair).parameters[0],
    cell: amounts("parameters"),
  },
  {
    key: "macs",
    label: "multiply-adds",
    number: true,
    value: (pair) => shownSide(pair).macs[0],
    cell: amounts("macs"),
  },
];
for (const pair of pairs) pair.rowKind = matchOf(pair).kind;
