// The page before a layer is selected: what types of layers, and blocks of them, have in all.
function overview() {
  const parts = [
    make("h2", { text: "Overview" }),
    make("p", {
      class: "kind",
      text: "Select a layer, in the graph or in the table, to see its arguments, its weights and what it sees of the input.",
    }),
    make("section", {}, make("h3", { text: "By type" }), totalsTable("type", data.types)),
  ];
  // A block for each layer, or one for all, says nothing new; of more than enough one is sent to say so.
  const most = 60,
    { blocks } = data;
  if (blocks.length > 1 && blocks.length < data.layers.length) {
    parts.push(
      make(
        "section",
        {},
        make("h3", { text: "By block" }),
        totalsTable("block", blocks.slice(0, most)),
        blocks.length > most ? make("p", { class: "kind", text: `The first ${most} blocks.` }) : "",
      ),
    );
  }
  parts.push(
    make(
      "section",
      {},
      make("h3", { text: data.outputs.length === 1 ? "Output" : "Outputs" }),
      layerLinks(data.outputs),
    ),
  );
  return parts;
}

const totalsTable = (kind, rows) =>
  make(
    "table",
    { class: "small" },
    make(
      "thead",
      {},
      make(
        "tr",
        {},
        make("th", { scope: "col", text: kind }),
        ...["parameters", "multiply-adds"].map((text) =>
          make("th", { scope: "col", class: "number", text }),
        ),
      ),
    ),
    make(
      "tbody",
      {},
      ...rows.map(([name, count, parameters, macs]) =>
        make(
          "tr",
          {},
          make(
            "th",
            { scope: "row", class: "name" },
            ...breakable(name),
            make("small", { text: ` \u00d7 ${count}` }),
          ),
          make("td", { class: "number", text: parameters }),
          make("td", { class: "number", text: macs }),
        ),
      ),
    ),
  );

const layerLink = (name) =>
  make("a", { href: `#layer=${encodeURIComponent(name)}`, class: "name", text: name });

const layerLinks = (names) =>
  make("ul", { class: "links" }, ...names.map((name) => make("li", {}, layerLink(name))));
