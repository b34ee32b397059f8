// The page of a comparison: starts its parts, and keeps them at one selection.
/** The graph of one side; a node for each pair that the side has. */
function sideView(name) {
  const graph = graphs[name],
    bare = [...graph.shapes];
  const nodes = graph.pairs.map((i) => {
    if (i < 0) return inputNode(bare.shift());
    const pair = pairs[i],
      layer = pair[name],
      { mark, word, kind } = matchOf(pair);
    return {
      title: layer.name,
      below: layer.type,
      shape: layer.shape,
      kind,
      mark,
      label: `${layer.name}, ${layer.type}, output ${layer.shape}, ${word}`,
    };
  });
  const view = new GraphView(byId(`${name}-graph`), {
    graph,
    nodes,
    label: `${name === "old" ? "Old" : "New"} network`,
    onSelect: (node) => select(graph.pairs[node] < 0 ? null : graph.pairs[node]),
  });
  const nodeOf = new Map(graph.pairs.map((pair, node) => [pair, node]));
  return { view, nodeOf };
}

startTheme();
startHelp();
startFiles();
// Without two models that can be read there is nothing but what was found.
document.querySelector("main").classList.toggle("empty", !pairs.length);
startHeader();
const table = new TableView(byId("layers"), {
  columns,
  rows: pairs,
  label: "Layers of both models",
  rowHeight: 47,
  onSelect: (i) => select(i),
});
const sides = { old: sideView("old"), new: sideView("new") };
sides.old.view.zoom.joinWith(sides.new.view.zoom);
let selected = null;

function select(i, link = true) {
  selected = i;
  table.choose(i);
  // The new side last: where both have the layer, it decides what is scrolled to.
  for (const { view, nodeOf } of [sides.old, sides.new])
    view.choose(i === null ? null : (nodeOf.get(i) ?? null));
  const panel = byId("details");
  panel.setAttribute("aria-label", i === null ? "What changed" : "Selected layer");
  panel.classList.toggle("overview", i === null);
  panel.replaceChildren(...(i === null ? diffOverview() : pairDetails(pairs[i])));
  panel.scrollTop = 0;
  if (!link) return;
  history.replaceState(
    null,
    "",
    i === null
      ? location.pathname + location.search + hashOfFile(file).slice(0, -1)
      : hashOf(pairs[i]),
  );
  say(
    i === null
      ? "Nothing selected"
      : `${shownSide(pairs[i]).name}, ${matchOf(pairs[i]).word}, selected`,
  );
}

/** The layer that the address names. */
function follow() {
  const { layer, old } = address();
  const i = pairs.findIndex((pair) => (pair.new ? pair.new.name === layer : pair.old.name === old));
  if (i !== selected || i < 0) select(i < 0 ? null : i, false);
}

const names = (pair) =>
  [pair.old, pair.new]
    .filter(Boolean)
    .map((layer) => `${layer.name}\n${layer.type}`)
    .join("\n");
const search = new Search(pairs.map(names), {
  onFound: (found, query) => {
    table.setQuery(query);
    for (const { view, nodeOf } of Object.values(sides))
      view.setFound(
        new Set([...found].map((i) => nodeOf.get(i)).filter((node) => node !== undefined)),
      );
  },
  onMatch: (i) => select(i),
});
byId("only").addEventListener("change", (event) => {
  const passed = { all: [], changed: ["same"], own: ["same", "follows"] }[event.target.value];
  const shown = new Set([...pairs.keys()].filter((i) => !passed.includes(matchOf(pairs[i]).word)));
  table.setOnly(shown);
  say(`${shown.size} of ${pairs.length} layers`);
});
byId("zoom-in").addEventListener("click", () => sides.new.view.zoom.by(1.25));
byId("zoom-out").addEventListener("click", () => sides.new.view.zoom.by(0.8));
byId("zoom-fit").addEventListener("click", () => sides.new.view.zoom.fit());
addEventListener("hashchange", follow);
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || byId("help").open) return;
  if (search.query) search.clear();
  else if (selected !== null) select(null);
});
follow();
