// What a stage waits for is followed, and the stage drawn again when it is there.
const followPreparation = () => {
  const address = new URL('ganlab/static/lib/preparing.js', document.baseURI).href;
  if (element.querySelector('[data-preparing]')) import(address).then((module) => module.followPreparation(element, () => trigger('again')));
};
watch('value', followPreparation);
followPreparation();
