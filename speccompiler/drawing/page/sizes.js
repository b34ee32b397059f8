// Windows and strides in words, as the other reports say them: a 1 along every axis is said once.
const timesText = (values) =>
  values.length > 1 && values.every((value) => Number(value) === 1) ? "1" : values.join(" \u00d7 ");

const fieldSize = ({ field }) =>
  field === null ? "all" : field.length ? timesText(field) : "unknown";
