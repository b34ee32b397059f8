const isTyping = (target) =>
  target.matches("input[type=search], input[type=text], select, textarea");

function startHelp() {
  const dialog = byId("help");
  byId("help-open").addEventListener("click", () => dialog.showModal());
  document.addEventListener("keydown", (event) => {
    if (event.key === "?" && !isTyping(event.target) && !dialog.open) {
      event.preventDefault();
      dialog.showModal();
    }
  });
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
}
