// The table: sortable, one row in the Tab order. Of a long one only the rows that can be seen are
// in the document, until it is printed.
const MOST_ROWS = 400,
  BEFORE = 20;

class TableView {
  /** A column: key, label, number, value(row) to sort by, cell(row, query) as children of a td. */
  constructor(host, { columns, rows, label, onSelect, rowHeight = 31 }) {
    Object.assign(this, { host, columns, rows, onSelect, rowHeight });
    this.order = rows.map((_, i) => i);
    this.stop = 0; // the row that Tab leads to
    this.chosen = null;
    this.query = "";
    this.sorted = { key: null, down: false };
    this.meter = null; // key of the column with bars, and the part of each row
    this.whole = false;
    this.head = make("tr", {}, ...columns.map((column) => this.headCell(column)));
    this.above = make("tbody", { "aria-hidden": "true", class: "space" });
    this.body = make("tbody");
    this.below = make("tbody", { "aria-hidden": "true", class: "space" });
    this.table = make(
      "table",
      { class: rowHeight > 31 ? "grid tall" : "grid", role: "grid", "aria-label": label },
      make("thead", {}, this.head),
      this.above,
      this.body,
      this.below,
    );
    host.append(this.table);
    this.repaint = eachFrame(() => this.paint());
    host.addEventListener("scroll", this.repaint, { passive: true });
    new ResizeObserver(this.repaint).observe(host);
    this.body.addEventListener("click", (event) => this.click(event));
    this.body.addEventListener("keydown", (event) => this.key(event));
    addEventListener("beforeprint", () => this.print(true));
    addEventListener("afterprint", () => this.print(false));
    matchMedia("print").addEventListener("change", (event) => this.print(event.matches));
    this.paint();
  }

  headCell(column) {
    const button = make(
      "button",
      { type: "button", onclick: () => this.sort(column) },
      column.label,
      " ",
      make("span", { class: "sign", "aria-hidden": "true" }),
    );
    return make(
      "th",
      {
        scope: "col",
        class: column.number ? "number" : null,
        "data-key": column.key,
        "data-label": column.label,
      },
      button,
    );
  }

  /** Numbers the largest first, then the other way, then the model's order again. */
  sort(column) {
    const { key, down } = this.sorted,
      first = Boolean(column.number);
    if (key !== column.key) this.sorted = { key: column.key, down: first };
    else if (down === first) this.sorted = { key, down: !first };
    else this.sorted = { key: null, down: false };
    const sign = this.sorted.down ? -1 : 1;
    const value = this.sorted.key === null ? (_, i) => i : column.value;
    const values = this.rows.map(value);
    this.order = this.rows
      .map((_, i) => i)
      .sort((a, b) => sign * compare(values[a], values[b]) || a - b);
    for (const cell of this.head.children) {
      const here = cell.dataset.key === this.sorted.key;
      const way = this.sorted.down ? "descending" : "ascending";
      if (here) cell.setAttribute("aria-sort", way);
      else cell.removeAttribute("aria-sort");
      cell.querySelector(".sign").textContent = here
        ? this.sorted.down
          ? "\u2193"
          : "\u2191"
        : "";
    }
    say(
      this.sorted.key === null
        ? "In the model's order"
        : `Sorted by ${column.label}, ${this.sorted.down ? "largest" : "smallest"} first`,
    );
    this.again();
  }

  /** Only these rows; null for all. */
  setOnly(rows) {
    this.only = rows;
    this.again();
  }

  get shown() {
    return this.only ? this.order.filter((i) => this.only.has(i)) : this.order;
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { shown } = this,
      at = shown.indexOf(this.stop),
      page = Math.max(1, Math.floor(this.host.clientHeight / this.rowHeight) - 2);
    const to = {
      ArrowDown: at + 1,
      ArrowUp: at - 1,
      PageDown: at + page,
      PageUp: at - page,
      Home: 0,
      End: shown.length - 1,
    }[event.key];
    if (to !== undefined) this.focus(shown[Math.max(0, Math.min(shown.length - 1, to))]);
    else if (
      (event.key === "Enter" || event.key === " ") &&
      event.target.closest("tr") === event.target
    )
      this.onSelect(this.stop);
    else return;
    event.preventDefault();
  }

  click(event) {
    const row = event.target.closest("tr");
    if (!row || event.target.closest("a")) return;
    this.moveStop(Number(row.dataset.row));
    this.onSelect(this.stop);
  }

  focus(i) {
    this.moveStop(i);
    this.show(i);
    this.paint();
    this.row(i).focus({ preventScroll: true });
  }

  moveStop(i) {
    this.row(this.stop)?.setAttribute("tabindex", "-1");
    this.stop = i;
    this.row(i)?.setAttribute("tabindex", "0");
  }

  row(i) {
    return this.body.querySelector(`[data-row="${i}"]`);
  }

  show(i) {
    const at = this.shown.indexOf(i),
      { host } = this;
    if (at < 0) return;
    const head = this.head.offsetHeight;
    const top = this.windowed ? at * this.rowHeight : (this.row(i)?.offsetTop ?? 0) - head;
    const height = this.row(i)?.offsetHeight || this.rowHeight;
    const room = host.clientHeight - head;
    if (top < host.scrollTop) host.scrollTop = top - this.rowHeight;
    else if (top + height > host.scrollTop + room)
      host.scrollTop = top + height + this.rowHeight - room;
  }

  choose(i) {
    this.row(this.chosen)?.setAttribute("aria-selected", "false");
    this.chosen = i;
    if (i !== null) {
      this.moveStop(i);
      this.show(i);
      this.paint();
    }
    this.row(i)?.setAttribute("aria-selected", "true");
  }

  setQuery(query) {
    this.query = query;
    this.again();
  }
  setMeter(meter) {
    this.meter = meter;
    this.again();
  }
  print(whole) {
    this.whole = whole;
    this.again();
  }

  get windowed() {
    return this.rows.length > MOST_ROWS && !this.whole;
  }

  again() {
    this.made = null;
    this.paint();
  }

  paint() {
    const { shown } = this;
    if (shown.length && !shown.includes(this.stop)) this.stop = shown[0];
    let from = 0,
      to = shown.length;
    if (this.windowed) {
      const first = Math.floor(this.host.scrollTop / this.rowHeight);
      from = Math.max(0, first - BEFORE);
      to = Math.min(
        shown.length,
        first + Math.ceil(this.host.clientHeight / this.rowHeight) + BEFORE,
      );
    }
    const made = `${from} ${to}`;
    if (made === this.made) return;
    this.made = made;
    const active = document.activeElement?.closest?.("tr")?.dataset.row;
    const focused = this.body.contains(document.activeElement);
    this.body.replaceChildren(...shown.slice(from, to).map((i, k) => this.makeRow(i, from + k)));
    if (focused && active !== undefined) this.row(Number(active))?.focus({ preventScroll: true });
    this.table.setAttribute("aria-rowcount", shown.length + 1);
    this.space(this.above, from);
    this.space(this.below, shown.length - to);
    if (!this.row(this.stop)) this.body.firstElementChild?.setAttribute("tabindex", "0");
  }

  space(part, rows) {
    const cell = make("td", { colspan: this.columns.length });
    cell.style.height = `${rows * this.rowHeight}px`;
    part.replaceChildren(...(rows ? [make("tr", {}, cell)] : []));
  }

  makeRow(i, at) {
    const row = this.rows[i];
    const cells = this.columns.map((column) => {
      const cell = make(
        "td",
        {
          class:
            [column.className, column.number ? "number" : "", column.classOf?.(row)]
              .filter(Boolean)
              .join(" ") || null,
        },
        ...column.cell(row, this.query),
      );
      if (column.className)
        cell.title = [...cell.childNodes]
          .map((part) => part.textContent)
          .join(column.key === "what" ? "\n" : "");
      if (this.meter?.key === column.key) {
        cell.classList.add("meter");
        cell.style.setProperty("--part", this.meter.part(i));
      }
      return cell;
    });
    return make(
      "tr",
      {
        "data-row": i,
        class: row.rowKind ?? null,
        tabindex: i === this.stop ? "0" : "-1",
        "aria-rowindex": at + 2,
        "aria-selected": String(i === this.chosen),
      },
      ...cells,
    );
  }
}

/** Numbers by size, texts as people sort them; what is not known comes last. */
function compare(a, b) {
  if (typeof a === "number" && typeof b === "number") return a - b;
  if (typeof a === "number") return 1;
  if (typeof b === "number") return -1;
  return String(a ?? "").localeCompare(String(b ?? ""), "en", { numeric: true });
}
