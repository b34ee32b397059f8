// Which file and which layer a page of a comparison shows.
// The address names the file, where there are several, and the layer: #file=a.yaml&layer=conv1.
const hashOfFile = (each) =>
  data.files.length > 1 ? `#file=${encodeURIComponent(each.name)}&` : "#";

/** What the address says, as names. */
function address() {
  const found = {};
  for (const part of location.hash.slice(1).split("&")) {
    const [key, ...value] = part.split("=");
    try {
      found[key] = decodeURIComponent(value.join("="));
    } catch {
      /* no name at all */
    }
  }
  return found;
}

const namedFile = () =>
  data.files.find((each) => each.name === address().file) ??
  data.files.find((each) => each.status !== "same") ??
  data.files[0];
const file = namedFile();
const pairs = file?.pairs ?? [];
const nothing = { width: 1, height: 1, nodeHeight: 1, nodes: [], edges: [], pairs: [], shapes: [] };
const graphs = file?.graphs ?? { old: nothing, new: nothing };

/** The list of files; another one is opened by its address. */
function startFiles() {
  if (data.files.length < 2) return;
  byId("files").hidden = false;
  const isSame = (each) => Number(each.status === "same");
  const files = [...data.files].sort((a, b) => isSame(a) - isSame(b));
  const links = files.map((each) =>
    make(
      "a",
      {
        href: hashOfFile(each).slice(0, -1),
        class: "name",
        "aria-current": each === file ? "page" : null,
      },
      each.name,
      " ",
      make("small", { text: each.status }),
    ),
  );
  byId("files").append(
    make("p", { text: data.summary }),
    make("ul", {}, ...links.map((link) => make("li", {}, link))),
  );
  addEventListener("hashchange", () => {
    if (namedFile() !== file) location.reload();
  });
}
