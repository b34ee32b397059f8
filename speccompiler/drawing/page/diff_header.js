// What stands at the top: the verdict, the totals, and what the marks mean.
function startHeader() {
  byId("old-name").textContent = file?.old ?? (file ? "nothing" : data.old);
  byId("new-name").textContent = file?.new ?? (file ? "nothing" : data.new);
  byId("about").textContent = [file?.verdict, file?.counts].filter(Boolean).join(" \u00b7 ");
  const impacts = Object.entries(file?.impacts ?? {});
  const signs = { breaking: "!", cost: "\u0394", note: "i" };
  byId("verdict").append(
    ...(impacts.length
      ? impacts.map(([impact, count]) =>
          impactBadge(
            impact,
            `${signs[impact]} ${count} ${impact === "note" && count > 1 ? "notes" : IMPACTS[impact]}`,
          ),
        )
      : file?.status === "failed"
        ? [impactBadge("breaking", "! with errors")]
        : [impactBadge("none", "\u2713 no change")]),
  );
  for (const [label, old, now, delta] of file?.amounts ?? []) {
    byId("totals").append(
      make(
        "div",
        {},
        make("dt", { text: label }),
        delta === null
          ? make("dd", {}, now, make("small", { text: " unchanged" }))
          : make(
              "dd",
              {},
              make("span", { class: "was", text: `${old} \u2192 ` }),
              now,
              make("span", { class: "more", text: ` ${delta}` }),
            ),
      ),
    );
  }
  const counts = new Map();
  for (const pair of pairs) {
    const match = matchOf(pair);
    counts.set(match, (counts.get(match) ?? 0) + 1);
  }
  byId("legend").append(
    ...Object.values(MATCHES)
      .filter((match) => counts.has(match) && match.word !== "same")
      .map((match) => make("span", {}, markText(match), ` ${counts.get(match)}`)),
  );
}
