"""The command line and the Streamlit app: readers of studies and runs, without statistics."""
