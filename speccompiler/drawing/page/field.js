// The receptive field on the input: the window that the central output sees, the outputs beside it.
const WIDE = 280,
  HIGH = 190,
  LEAST = 12;

/** The drawing for one input; null where field and input have no axes in common. */
function fieldFigure(input, layer) {
  const spatial = input.shape.filter((_, axis) => axis !== input.channels);
  const names = input.shape.map((length, axis) => axis).filter((axis) => axis !== input.channels);
  let { field, stride } = layer;
  if (field !== null && field.length === input.shape.length && input.channels !== null) {
    field = field.filter((_, axis) => axis !== input.channels);
    stride = stride?.filter((_, axis) => axis !== input.channels) ?? null;
  }
  if (field !== null && field.length && field.length !== spatial.length) return null;
  if (!names.length || names.length > 3) return null;
  const axes = spatial.map((length, k) => axisOf(length, field, stride, k));
  const pairs = {
    1: [[null, 0]],
    2: [[0, 1]],
    3: [
      [1, 2],
      [0, 2],
    ],
  }[axes.length];
  const planes = pairs.map(([down, across]) =>
    plane(down === null ? null : axes[down], axes[across]),
  );
  const text = fieldText(axes, field);
  const figure = make("figure", { class: "field" });
  planes.forEach((shapes, k) => {
    const titles = axes.length === 3 ? [" (2nd and 3rd axis)", " (1st and 3rd axis)"] : [""];
    figure.append(
      draw(
        "svg",
        {
          viewBox: `-30 -20 ${WIDE + 60} ${shapes.height + 40}`,
          role: "img",
          "aria-label": text + titles[k],
        },
        ...shapes.parts,
      ),
    );
  });
  figure.append(make("figcaption", { text }));
  return figure;
}

function axisOf(length, field, stride, k) {
  const seen = field === null ? null : field.length ? field[k] : undefined;
  const open = typeof length !== "number";
  // An open length is drawn as if it were somewhat longer than what is seen of it.
  const drawn = open ? Math.max(24, Math.ceil((seen ?? 16) * 1.8)) : length;
  return {
    drawn,
    open,
    text: String(length),
    seen,
    step: stride ? ratio(stride[k]) : null,
    stepText: stride ? stride[k] : null,
  };
}

const ratio = (text) => {
  const [over, under] = text.split("/").map(Number);
  return over / (under ?? 1);
};

function fieldText(axes, field) {
  const lengths = axes.map((axis) => axis.text).join(" \u00d7 ");
  if (field === null) return `Each output sees the whole input, ${lengths}.`;
  if (!field.length)
    return `The window on the input, ${lengths}, is unknown: values are mixed that were no neighbours.`;
  const seen = axes.map((axis) => axis.seen).join(" \u00d7 ");
  const over = axes.some((axis) => !axis.open && axis.seen > axis.drawn);
  const steps = axes.map((axis) => axis.stepText);
  const stride =
    steps[0] === null
      ? ""
      : `; stride ${new Set(steps).size === 1 ? steps[0] : steps.join(" \u00d7 ")}`;
  return (
    `${seen} of ${lengths} input positions${stride}. Drawn for the output in the middle; dashed: the next one.` +
    (over ? " The window reaches beyond the input, into padding." : "")
  );
}

/** Rectangles of two axes, or of one as a bar. */
function plane(down, across) {
  const flat = down ?? {
    drawn: 1,
    seen: across.seen === undefined ? undefined : 1,
    step: null,
    open: false,
    text: "",
  };
  const reach = (axis) => Math.max(axis.drawn, axis.seen ?? 0);
  const scale = Math.min(WIDE / reach(across), down ? HIGH / reach(down) : Infinity);
  const size = (length, axis) => Math.max(length * scale, axis === flat && !down ? 24 : 0);
  const width = Math.max(LEAST, size(across.drawn, across)),
    height = Math.max(LEAST, size(flat.drawn, flat));
  const whole = {
    width: Math.max(width, size(across.seen ?? 0, across)),
    height: Math.max(height, size(flat.seen ?? 0, flat)),
  };
  const cx = WIDE / 2,
    cy = whole.height / 2;
  const rectangle = (name, w, h, dx = 0, dy = 0) =>
    draw("rect", {
      class: name,
      x: cx - w / 2 + dx,
      y: cy - h / 2 + dy,
      width: w,
      height: h,
      rx: 2,
    });
  const parts = [rectangle(`plane ${across.open || flat.open ? "open" : ""}`, width, height)];
  const seen = (axis, length) => (axis.seen === null ? length : Math.max(3, size(axis.seen, axis)));
  if (across.seen !== undefined) {
    const w = seen(across, width),
      h = flat === down || !down ? seen(flat, height) : height;
    const [dx, dy] = [(across.step ?? 0) * scale, down ? (down.step ?? 0) * scale : 0];
    parts.push(...centres(across, down, scale, width, height, cx, cy));
    if (dx || dy) parts.push(rectangle("next", w, down ? h : height, dx, dy));
    parts.push(rectangle("window", w, down ? h : height));
    parts.push(draw("circle", { class: "centre", cx, cy, r: 2 }));
  } else {
    parts.push(
      draw("text", {
        x: cx,
        y: cy,
        "text-anchor": "middle",
        "dominant-baseline": "central",
        text: "unknown",
      }),
    );
  }
  parts.push(
    draw("text", {
      x: cx,
      y: cy + whole.height / 2 + 14,
      "text-anchor": "middle",
      text: across.text,
    }),
  );
  if (down)
    parts.push(
      draw("text", {
        x: cx - whole.width / 2 - 6,
        y: cy,
        "text-anchor": "end",
        "dominant-baseline": "central",
        text: down.text,
      }),
    );
  return { parts, height: whole.height };
}

/** Dots where the windows of the outputs around have their centres, where they stand apart. */
function centres(across, down, scale, width, height, cx, cy) {
  const dx = (across.step ?? 0) * scale,
    dy = down ? (down.step ?? 0) * scale : 0;
  if (dx < 5 || (down && dy < 5)) return [];
  const columns = Math.floor(width / 2 / dx),
    rows = down ? Math.floor(height / 2 / dy) : 0;
  const dots = [];
  for (let r = -rows; r <= rows; r++) {
    for (let c = -columns; c <= columns; c++) dots.push(`M${cx + c * dx - 0.8} ${cy + r * dy}h1.6`);
  }
  return [
    draw("path", { d: dots.join(""), stroke: "currentColor", "stroke-width": 1.6, opacity: 0.55 }),
  ];
}
