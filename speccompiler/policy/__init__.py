"""What a project has decided on findings: severities, what is ignored, what fails."""
