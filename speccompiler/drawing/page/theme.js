// Light and dark follow the system until somebody decides; the choice is kept where that is allowed.
const THEMES = { auto: "as the system", light: "light", dark: "dark" };

function setTheme(name) {
  const button = byId("theme");
  if (name === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = name;
  button.textContent = { auto: "\u25d0", light: "\u2600", dark: "\u263e" }[name];
  button.title = `Theme: ${THEMES[name]}`;
  button.setAttribute("aria-label", `Theme: ${THEMES[name]}`);
  button.dataset.theme = name;
}

function startTheme() {
  let kept = null;
  try {
    kept = localStorage.getItem("convspec-theme");
  } catch {
    /* no storage for this file */
  }
  setTheme(Object.hasOwn(THEMES, kept ?? "") ? kept : "auto");
  byId("theme").addEventListener("click", () => {
    const dark = matchMedia("(prefers-color-scheme: dark)").matches;
    // The first press always changes what is seen.
    const order = dark ? ["auto", "light", "dark"] : ["auto", "dark", "light"];
    const next = order[(order.indexOf(byId("theme").dataset.theme) + 1) % 3];
    setTheme(next);
    say(`Theme: ${THEMES[next]}`);
    try {
      localStorage.setItem("convspec-theme", next);
    } catch {
      /* as above */
    }
  });
}
