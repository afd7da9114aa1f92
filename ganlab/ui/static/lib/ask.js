// What the server answers; an Error whose message is for people where it does not, or says no.
export async function ask(address, settings) {
  const answer = await fetch(address, settings).catch(() => null);
  if (!answer) throw new Error('The server does not answer.');
  if (!answer.ok) throw new Error(await answer.text());
  return answer;
}
