"""The pages of the app: scripts that Streamlit runs, each with one `show`."""
