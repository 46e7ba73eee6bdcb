"""The contract: types, published form and promises."""
