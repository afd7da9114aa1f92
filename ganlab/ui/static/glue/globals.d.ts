// What Gradio gives to a fragment that runs when a gr.HTML component is loaded.
declare const element: HTMLElement;
declare const props: { value: any };
declare function trigger(event: string, data?: object): void;
declare function watch(prop: 'value', listener: () => void): void;
