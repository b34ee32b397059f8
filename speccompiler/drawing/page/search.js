// Search by name or type: every match is marked, Enter goes from one to the next.
class Search {
  /** `texts[i]` is what is searched, in the order of going through; `onFound` gets all matches. */
  constructor(texts, { onFound, onMatch }) {
    Object.assign(this, {
      texts: texts.map((text) => text.toLowerCase()),
      onFound,
      onMatch,
      matches: [],
      at: -1,
    });
    this.input = byId("search");
    this.input.addEventListener("input", () => this.search());
    this.input.addEventListener("keydown", (event) => this.key(event));
    byId("next").addEventListener("click", () => this.go(1));
    byId("previous").addEventListener("click", () => this.go(-1));
    document.addEventListener("keydown", (event) => {
      if (
        event.key !== "/" ||
        event.ctrlKey ||
        event.metaKey ||
        event.altKey ||
        isTyping(event.target) ||
        byId("help").open
      )
        return;
      event.preventDefault();
      this.input.focus();
      this.input.select();
    });
  }

  get query() {
    return this.input.value.trim().toLowerCase();
  }

  search() {
    const { query } = this;
    this.matches = query ? [...this.texts.keys()].filter((i) => this.texts[i].includes(query)) : [];
    this.at = -1;
    this.tell();
    this.onFound(new Set(this.matches), query);
  }

  key(event) {
    if (event.key === "Enter") {
      event.preventDefault();
      this.go(event.shiftKey ? -1 : 1);
    } else if (event.key === "Escape" && this.input.value) {
      event.preventDefault();
      event.stopPropagation();
      this.clear();
    }
  }

  clear() {
    this.input.value = "";
    this.search();
  }

  go(step) {
    const count = this.matches.length;
    if (!count) return;
    this.at = this.at < 0 ? (step > 0 ? 0 : count - 1) : (this.at + step + count) % count;
    this.tell();
    this.onMatch(this.matches[this.at]);
  }

  tell() {
    const count = this.matches.length;
    byId("found").textContent = !this.query
      ? ""
      : !count
        ? "no match"
        : this.at < 0
          ? `${count} found`
          : `${this.at + 1} of ${count}`;
    byId("next").disabled = byId("previous").disabled = !count;
  }
}
