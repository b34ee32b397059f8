// Zoom and pan of a graph. The picture lies whole in a scroller: panning is scrolling, so that
// wheels, touch, scroll bars and assistive technology work as everywhere.
const LEAST_SCALE = 0.05,
  MOST_SCALE = 3;

class Zoom {
  constructor(host, content, width, height, repaint) {
    Object.assign(this, { host, content, width, height, repaint, scale: 1 });
    host.addEventListener("scroll", repaint, { passive: true });
    host.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    host.addEventListener("pointerdown", (event) => this.drag(event));
    host.addEventListener("touchstart", (event) => this.pinch(event), { passive: false });
    host.addEventListener("touchmove", (event) => this.pinch(event), { passive: false });
    new ResizeObserver(repaint).observe(host);
  }

  /** Left edge of the picture in the scroller: it is centred while it is narrower. */
  get left() {
    return Math.max(0, (this.host.clientWidth - this.width * this.scale) / 2);
  }

  /** What can be seen, in the picture's own unit. */
  seen() {
    const { host, scale } = this;
    const x = (host.scrollLeft - this.left) / scale,
      y = host.scrollTop / scale;
    return { x, y, right: x + host.clientWidth / scale, bottom: y + host.clientHeight / scale };
  }

  /** Another scale; the point of the picture at (x, y) of the scroller stays there. */
  to(scale, x = this.host.clientWidth / 2, y = this.host.clientHeight / 2) {
    const wanted = Math.min(MOST_SCALE, Math.max(Math.min(LEAST_SCALE, this.whole), scale));
    const at = this.seen();
    const px = at.x + x / this.scale,
      py = at.y + y / this.scale;
    this.resize(wanted);
    this.twin?.resize(wanted);
    this.host.scrollLeft = px * wanted + this.left - x;
    this.host.scrollTop = py * wanted - y;
  }

  /** Two pictures of one layout: both show the same part of it. */
  joinWith(other) {
    for (const [one, twin] of [
      [this, other],
      [other, this],
    ]) {
      one.twin = twin;
      one.host.addEventListener(
        "scroll",
        () => {
          twin.host.scrollTop = one.host.scrollTop;
          twin.host.scrollLeft = one.host.scrollLeft;
        },
        { passive: true },
      );
    }
    other.resize(this.scale);
  }

  resize(scale) {
    this.scale = scale;
    this.content.setAttribute("width", this.width * scale);
    this.content.setAttribute("height", this.height * scale);
    this.repaint();
  }

  by(factor) {
    this.to(this.scale * factor);
  }

  /** The scale that shows everything. */
  get whole() {
    const { clientWidth, clientHeight } = this.host;
    return Math.min(clientWidth / this.width, clientHeight / this.height);
  }

  fit() {
    this.to(Math.min(this.whole, 1.4));
  }

  /** Everything where that is legible, else the top at a legible size, with `x` in the middle. */
  open(x) {
    const { clientWidth } = this.host;
    const across = clientWidth / this.width,
      all = Math.min(this.whole, 1.2);
    this.to(all > 0.6 ? all : Math.min(1, Math.max(0.65, across)));
    this.host.scrollTop = 0;
    this.host.scrollLeft = x * this.scale - clientWidth / 2;
  }

  /** Scroll until a box of the picture can be seen, with room around it. */
  show(x, y, width, height) {
    const at = this.seen(),
      { host, scale } = this;
    const room = Math.min(40 / scale, (at.right - at.x) / 4);
    const inside =
      x - room >= at.x &&
      x + width + room <= at.right &&
      y - room >= at.y &&
      y + height + room <= at.bottom;
    if (inside) return;
    const left = (x + width / 2) * scale + this.left - host.clientWidth / 2;
    const top = (y + height / 2) * scale - host.clientHeight / 2;
    const far = Math.abs(top - host.scrollTop) > 3 * host.clientHeight;
    host.scrollTo({ left, top, behavior: moves() && !far ? "smooth" : "auto" });
  }

  wheel(event) {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    const { left, top } = this.host.getBoundingClientRect();
    const turned = Math.max(-60, Math.min(60, event.deltaY));
    this.to(this.scale * Math.exp(-turned / 180), event.clientX - left, event.clientY - top);
  }

  /** The mouse drags the picture; what it moved less than a little is a click. */
  drag(event) {
    if (event.pointerType !== "mouse" || event.button !== 0) return;
    const { host } = this;
    const start = { x: event.clientX + host.scrollLeft, y: event.clientY + host.scrollTop };
    let moved = false;
    const move = (now) => {
      const far = Math.hypot(now.clientX - event.clientX, now.clientY - event.clientY);
      moved ||= far > 4;
      if (!moved) return;
      host.classList.add("dragged");
      host.scrollLeft = start.x - now.clientX;
      host.scrollTop = start.y - now.clientY;
    };
    const end = () => {
      host.classList.remove("dragged");
      removeEventListener("pointermove", move);
      removeEventListener("pointerup", end);
      removeEventListener("pointercancel", end);
      if (moved)
        addEventListener("click", (click) => click.stopPropagation(), {
          capture: true,
          once: true,
        });
    };
    addEventListener("pointermove", move);
    addEventListener("pointerup", end);
    addEventListener("pointercancel", end);
  }

  pinch(event) {
    if (event.touches.length !== 2) {
      this.apart = 0;
      return;
    }
    event.preventDefault();
    const [one, other] = event.touches;
    const apart = Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY);
    const { left, top } = this.host.getBoundingClientRect();
    if (event.type === "touchmove" && this.apart) {
      const x = (one.clientX + other.clientX) / 2 - left,
        y = (one.clientY + other.clientY) / 2 - top;
      this.to(this.scale * (apart / this.apart), x, y);
    }
    this.apart = apart;
  }
}
