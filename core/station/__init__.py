"""One panel PC or headless process: builds what core offers and wires it together."""
