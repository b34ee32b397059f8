// What the page says of the selected layer.
const layerFacts = (layer) => [
  ["output shape", layer.shape],
  ["parameters", layer.parameters[1] + (layer.fixed ? ` (${layer.fixed[1]} not trainable)` : "")],
  ["multiply-adds", layer.macs[1]],
  ["activation bytes", layer.bytes[1]],
  ["receptive field", fieldSize(layer)],
  ["stride", layer.stride ? timesText(layer.stride) : "none"],
];

const facts = (pairs, className = null) =>
  make(
    "dl",
    { class: "facts" },
    ...pairs.flatMap(([name, text]) => [
      make("dt", { text: name }),
      make("dd", { class: className, text }),
    ]),
  );

function layerDetails(i, { layers, inputs, reads, readers }) {
  const layer = layers[i];
  const badges = [];
  if (data.outputs.includes(layer.name)) badges.push("output");
  if (layer.sharedWith) badges.push("shared");
  const parts = [
    make("h2", { class: "name", text: layer.name }),
    make(
      "p",
      { class: "kind" },
      layer.type,
      ...badges.map((text) => make("span", { class: "badge", text })),
    ),
    make("section", {}, facts(layerFacts(layer))),
  ];
  if (layer.sharedWith) {
    parts.push(
      make(
        "p",
        {},
        "Its weights are those of ",
        layerLink(layer.sharedWith),
        ", where they are counted.",
      ),
    );
  }
  const figures = inputs
    .map((input) => [input, fieldFigure(input, layer)])
    .filter(([, figure]) => figure);
  if (figures.length) {
    parts.push(
      make(
        "section",
        {},
        make("h3", { text: "Receptive field on the input" }),
        ...figures.flatMap(([input, figure]) =>
          [
            inputs.length > 1 ? make("p", { class: "name", text: input.name }) : null,
            figure,
          ].filter(Boolean),
        ),
      ),
    );
  }
  parts.push(argumentSection(layer));
  if (layer.tensors?.length) parts.push(tensorSection(layer));
  parts.push(linkSection("Reads", reads), linkSection("Read by", readers));
  parts.push(
    make(
      "p",
      { class: "actions" },
      make("a", { href: `#layer=${encodeURIComponent(layer.name)}`, text: "Link to this layer" }),
    ),
  );
  return parts.filter(Boolean);
}

function argumentSection(layer) {
  const given = Object.entries(layer.arguments);
  const others = Object.entries(data.defaults[layer.type] ?? {}).filter(
    ([name]) => !(name in layer.arguments),
  );
  if (!given.length && !others.length) return null;
  const section = make("section", {}, make("h3", { text: "Arguments" }));
  if (given.length) section.append(facts(given, "name"));
  if (others.length) {
    section.append(
      make(
        "details",
        {},
        make("summary", { text: others.length === 1 ? "1 default" : `${others.length} defaults` }),
        facts(others, "name"),
      ),
    );
  }
  return section;
}

const tensorSection = (layer) =>
  make(
    "section",
    {},
    make("h3", { text: "Weights" }),
    make(
      "table",
      { class: "small" },
      make(
        "tbody",
        {},
        ...layer.tensors.map(([name, shape]) =>
          make(
            "tr",
            {},
            make("th", { scope: "row", class: "name", text: `${layer.name}/${name}` }),
            make("td", { class: "number", text: shape }),
          ),
        ),
      ),
    ),
  );

function linkSection(title, names) {
  const list = names.length ? layerLinks(names) : null;
  return list && make("section", {}, make("h3", { text: title }), list);
}
