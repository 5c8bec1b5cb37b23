"""What Streamlit runs. A script, therefore a shim: the app is in `pages`."""

from accordance.app.pages import main

if __name__ == "__main__":
    main()
