// The page before a layer is selected: all changes, those of the models first.
function diffOverview() {
  if (!file) return [make("h2", { text: "Nothing to compare" })];
  const parts = [make("h2", { text: "What changed" })];
  if (file.findings.length) {
    parts.push(
      section(
        "Findings",
        make(
          "ul",
          { class: "changes" },
          ...file.findings.map((found) =>
            make(
              "li",
              {},
              make("span", {
                class: `impact ${found.severity === "error" ? "breaking" : "note"}`,
                text: found.severity,
              }),
              " ",
              make("code", { text: found.code }),
              make("p", { text: found.message }),
              make("p", { class: "kind", text: found.place }),
              found.hint ? make("p", { text: found.hint }) : null,
            ),
          ),
        ),
      ),
    );
  }
  if (file.remarks.length)
    parts.push(section("Conditions", ...file.remarks.map((text) => make("p", { text }))));
  if (file.fileChanges.length) parts.push(section("The file", changeList(file.fileChanges)));
  if (!file.pairs) return parts;
  const changed = file.pairs.filter((pair) => pair.changes || pair.match !== "same");
  const compared = file.old !== null && file.new !== null;
  if (!changed.length && !file.modelChanges.length) {
    parts.push(make("p", { class: "kind", text: "Nothing that the compiler can see." }));
  }
  const first = file.pairs.find(
    (each) => file.divergesAt !== null && each.new?.name === file.divergesAt,
  );
  if (first) {
    parts.push(
      section(
        "Shapes diverge first at",
        make(
          "ul",
          { class: "links" },
          make("li", {}, make("a", { href: hashOf(first), class: "name", text: first.new.name })),
        ),
      ),
    );
  }
  const fits = Object.entries(file.fits).map(([fit, count]) => `${count} ${FITS[fit]}`);
  if (fits.length)
    parts.push(section("Old weights", make("p", { text: `Tensors: ${fits.join(", ")}.` })));
  if (file.modelChanges.length) parts.push(section("The model", changeList(file.modelChanges)));
  if (compared && changed.length) {
    const own = changed.filter((pair) => pair.match !== "follows");
    const behind = changed.length - own.length;
    parts.push(
      section(
        "Layers",
        make(
          "ul",
          { class: "changes" },
          ...own.map((pair) =>
            make(
              "li",
              {},
              markText(matchOf(pair)),
              " ",
              make("a", { href: hashOf(pair), class: "name", text: shownSide(pair).name }),
              ...(pair.changes ?? []).map((change) => make("p", { text: sentence(change) })),
            ),
          ),
        ),
      ),
    );
    if (behind)
      parts.push(
        make("p", {
          class: "kind",
          text:
            behind === 1 ? "1 layer follows from these." : `${behind} layers follow from these.`,
        }),
      );
  }
  return parts;
}
