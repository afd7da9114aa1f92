"""The interface: the only part of ganlab that knows gradio."""
