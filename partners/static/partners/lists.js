// A list can be dropped anywhere on its form, and one that is too large is told so before it is sent.
(() => {
  const place = document.querySelector("[data-drop]");
  const input = place && place.querySelector("input[type=file]");
  if (!input) return;
  const form = input.form;
  const most = Number(place.dataset.most);

  const weigh = () => {
    const file = input.files[0];
    input.setCustomValidity(file && file.size > most ? place.dataset.tooLarge : "");
    if (input.validationMessage) input.reportValidity();
  };
  input.addEventListener("change", weigh);
  form.addEventListener("submit", (event) => {
    weigh();
    if (input.validationMessage) event.preventDefault();
  });

  const over = (event, is) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    place.classList.toggle("over", is);
  };
  for (const name of ["dragenter", "dragover"]) form.addEventListener(name, (event) => over(event, true));
  form.addEventListener("dragleave", (event) => over(event, false));
  form.addEventListener("drop", (event) => {
    over(event, false);
    if (!event.dataTransfer?.files.length) return;
    input.files = event.dataTransfer.files;
    weigh();
  });
})();
